# Where things are made; the sanitizer variants use folders of their own.
BUILD ?= build
CC = gcc
AR = ar

CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow \
  -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wcast-align -Wvla \
  -Wwrite-strings
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread \
  $(WARNINGS) $(CFLAGS) -I. -Iinclude -I$(BUILD)/gen

all:

LIB_SRCS = $(wildcard base/*.c compiler/*.c compiler/*/*.c cache/*.c proxy/*.c)
LIB_OBJS = $(LIB_SRCS:%.c=$(BUILD)/%.o)

TEST_SRCS = $(wildcard tests/unit/*/test_*.c)
TESTS = $(TEST_SRCS:%.c=$(BUILD)/%)
SUPPORT_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))

# Parts that are made in a way of their own: libtcc as an object of the library
# (LIBTCC_OBJ), headers embedded as text.
include $(wildcard compiler/arena/*.mk compiler/kernel/*.mk)
LIB_OBJS += $(LIBTCC_OBJ)

LIBS = -luv -lnghttp2 -lz -ldl -lm -lpthread

all: $(BUILD)/libmayfly-internal.a

$(BUILD)/libmayfly-internal.a: $(LIB_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: tests/unit/%.c $(SUPPORT_OBJS) \
		$(BUILD)/libmayfly-internal.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(SUPPORT_OBJS) \
	  $(BUILD)/libmayfly-internal.a -lcmocka $(LIBS)

# Builds and runs the unit tests of every part.
unit: $(TESTS)
	@fail=0; for t in $(TESTS); do $$t > $$t.log 2>&1 || { fail=1; cat $$t.log; }; done; exit $$fail

clean:
	rm -rf $(BUILD)

.PHONY: all unit clean
.SECONDARY:
-include $(LIB_OBJS:.o=.d) $(SUPPORT_OBJS:.o=.d) $(TESTS:=.d)
