# make              the library, static and shared, and the command: build/
# make test         everything that can be tested here; `make unit` for the unit tests
# make demo         loads, serves, calls and unloads a schema, and shows what it took
# make bench        the benchmarks
# make soak         a million loads and unloads, read from outside
# make swap-bench   what swaps under load cost those who call
# make install      DESTDIR= PREFIX=/usr/local; `make uninstall` takes it off again
# make deb          Debian packages: build/deb/
# make setup        installs missing Debian packages (packages.txt); demo, test and
#                   bench do so by themselves
#
# The sanitizer variants and other compilers use folders of their own: BUILD=build-asan.

BUILD ?= build
CC = gcc
AR = ar
LD = ld
OBJCOPY = objcopy

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/mayfly

# The soname's number counts incompatible changes, apart from the version.
SOVERSION = 0
version_part = $(shell sed -n 's/^.define MAYFLY_VERSION_$(1) //p' \
  include/mayfly/types.h)
VERSION = $(call version_part,MAJOR).$(call version_part,MINOR).$(call \
  version_part,PATCH)

CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow \
  -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wcast-align -Wvla \
  -Wwrite-strings
LANGUAGE = -std=c11 -D_GNU_SOURCE -pthread $(WARNINGS) $(CFLAGS)
ALL_CFLAGS = $(LANGUAGE) -fPIC -fvisibility=hidden -I. -Iinclude -I$(BUILD)/gen
# How programs of users are compiled: they see the public headers only.
USER_CFLAGS = $(LANGUAGE) -Iinclude
LIBS = -luv -lnghttp2 -lz -ldl -lm -lpthread
# What a fully static program links; Debian calls the static libuv uv_a.
STATIC_LIBS = $(if $(shell pkg-config --exists libuv-static && echo 1),\
  -luv_a,-luv) -lnghttp2 -lz -ldl -lm -lpthread -lrt

.DELETE_ON_ERROR:
.SECONDARY:
all:

# --- the library ------------------------------------------------------------------

LIB_SRCS = $(wildcard base/*.c compiler/*.c compiler/*/*.c cache/*/*.c proxy/*/*.c)
LIB_OBJS = $(LIB_SRCS:%.c=$(BUILD)/%.o)

# Parts that are made in a way of their own: libtcc as an object of the library
# (LIBTCC_OBJ), headers embedded as text.
include $(wildcard compiler/arena/*.mk compiler/kernel/*.mk)
LIB_OBJS += $(LIBTCC_OBJ)

# All names, for the unit tests.
$(BUILD)/libmayfly-internal.a: $(LIB_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

# One object in which everything but mayfly_* is local, so that a program's own names
# can never meet ours.
$(BUILD)/libmayfly.o: $(LIB_OBJS)
	$(LD) -r -o $@.all $(LIB_OBJS)
	$(OBJCOPY) --wildcard --keep-global-symbol='mayfly_*' $@.all $@
	@rm -f $@.all

$(BUILD)/libmayfly.a: $(BUILD)/libmayfly.o
	@rm -f $@
	$(AR) rcs $@ $<

# The sanitizers' run time is found by the program, not by the library.
SO_DEFS = $(if $(findstring -fsanitize,$(CFLAGS)),,-Wl$(comma)-z$(comma)defs)
comma = ,
$(BUILD)/libmayfly.so.$(SOVERSION): $(LIB_OBJS) libmayfly.map
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $(LIB_OBJS) \
	  -Wl,-soname,libmayfly.so.$(SOVERSION) \
	  -Wl,--version-script=libmayfly.map \
	  -Wl,-z,text $(SO_DEFS) -Wl,-z,noexecstack $(LIBS)

$(BUILD)/libmayfly.so: $(BUILD)/libmayfly.so.$(SOVERSION)
	ln -sf $(<F) $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The tracer runs in the calling thread's place, and so would a sanitizer's code.
$(BUILD)/cache/why/blame_trace.o $(BUILD)/cache/why/blame_scan.o: \
  ALL_CFLAGS += -fno-sanitize=all

# --- the command ------------------------------------------------------------------

CLI_SRCS = $(wildcard cli/*.c)
CLI_OBJS = $(CLI_SRCS:%.c=$(BUILD)/%.o)

$(CLI_OBJS): ALL_CFLAGS = $(USER_CFLAGS) -I.

$(BUILD)/mayfly: $(CLI_OBJS) $(BUILD)/libmayfly.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJS) $(BUILD)/libmayfly.a $(LIBS)

all: $(BUILD)/libmayfly-internal.a $(BUILD)/libmayfly.a $(BUILD)/libmayfly.so \
	$(BUILD)/mayfly $(BUILD)/man/made

# Manual pages: of the headers, of what the command says of itself, and of docs/man.
$(BUILD)/man/made: $(BUILD)/mayfly $(wildcard include/mayfly/*.h docs/man/* \
		docs/man/examples/* docs/packaging/*/*)
	docs/man/generate $(@D) $(BUILD)/mayfly @DOCDIR@
	@touch $@

# --- samples ----------------------------------------------------------------------

# Every .c of a sample is a program of that name, except handlers.c, which is
# compiled at run time. Headers are made from all schemas of samples and tests.
PROTOS = $(wildcard samples/*/*.proto tests/api/*.proto tests/interop/*.proto)
PROTO_HEADERS = $(PROTOS:%.proto=$(BUILD)/gen/%.mf.h)
PROTO_DIRS = $(addprefix -I$(BUILD)/gen/,$(sort $(dir $(PROTOS))))
SAMPLE_SRCS = $(filter-out %/handlers.c,$(wildcard samples/*/*.c))
SAMPLES = $(SAMPLE_SRCS:%.c=$(BUILD)/%)

$(BUILD)/gen/%.mf.h: %.proto $(BUILD)/mayfly
	@mkdir -p $(@D)
	$(BUILD)/mayfly header $< -o $@

$(BUILD)/samples/%: samples/%.c $(BUILD)/libmayfly.a | $(PROTO_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) $(PROTO_DIRS) -MMD -MP -MF $@.d -MT $@ \
	  $(LDFLAGS) -o $@ $< $(BUILD)/libmayfly.a $(LIBS)

samples: $(SAMPLES)

demo:
	@.ci/setup build
	@$(MAKE) -s $(PARALLEL) $(BUILD)/samples/demo/demo
	@sync $(BUILD)/samples/demo/demo # else its pages count as dirty memory
	@$(BUILD)/samples/demo/demo samples/greeter/greeter.proto \
	  samples/greeter/handlers.c

# --- tests ------------------------------------------------------------------------

# tests/README.md tells the rules. Unit tests see everything; the others are linked
# with what users get.
UNIT_SRCS = $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS = $(UNIT_SRCS:%.c=$(BUILD)/%)
USER_SRCS = $(wildcard tests/api/*.c tests/fault/*.c tests/soak/*.c \
  tests/stress/*.c)
USER_TESTS = $(USER_SRCS:%.c=$(BUILD)/%)
# An archive, so that a test gets only what it uses: not all of it is for users.
SUPPORT = $(BUILD)/tests/support.a
SUPPORT_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))

$(SUPPORT): $(SUPPORT_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

# What the tests made outside of this file, e.g. by C++, hang themselves on.
TEST_EXTRAS =
include $(wildcard tests/*/*.mk)

$(UNIT_TESTS): $(BUILD)/%: %.c $(SUPPORT) $(BUILD)/libmayfly-internal.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< \
	  $(SUPPORT) $(BUILD)/libmayfly-internal.a -lcmocka $(LIBS)

$(USER_TESTS): $(BUILD)/%: %.c $(SUPPORT) $(BUILD)/libmayfly.a \
		| $(PROTO_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -I. -I$(BUILD)/gen $(PROTO_DIRS) -MMD -MP -MF $@.d \
	  -MT $@ $(LDFLAGS) -o $@ $< $(SUPPORT) $(BUILD)/libmayfly.a \
	  -lcmocka $(LIBS)

# Makes what the tests run, without running them.
test-programs: all $(UNIT_TESTS) $(USER_TESTS) $(SAMPLES) $(TEST_EXTRAS)

# Built by .ci/run with clang: CFLAGS has -fsanitize=fuzzer-no-link for the library.
FUZZ_SRCS = $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS = $(FUZZ_SRCS:%.c=$(BUILD)/%)

$(FUZZERS): $(BUILD)/%: %.c $(SUPPORT) $(BUILD)/libmayfly-internal.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< \
	  $(SUPPORT) $(BUILD)/libmayfly-internal.a -lcmocka $(LIBS)

fuzzers: $(FUZZERS)

# As many jobs as there are processors, where the user has not said how many.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
RUN = CC="$(CC)" tests/run --build $(BUILD)

test:
	@.ci/setup test
	@$(MAKE) -s $(PARALLEL) test-programs
	@$(RUN)

unit: $(UNIT_TESTS)
	@$(RUN) --quiet unit

bench:
	@.ci/setup bench
	@$(MAKE) -s $(PARALLEL) bench-programs
	@BUILD=$(BUILD) tests/bench/run

# A swap every 50 ms, by turns with none; `make test` has the same for some seconds.
SWAP_SECONDS ?= 60
swap-bench:
	@.ci/setup test
	@$(MAKE) -s $(PARALLEL) $(SWAP_HOST)
	@BUILD=$(BUILD) tests/swap/run $(SWAP_SECONDS)

# Prints what it finds as it goes; `make test` has the same for some seconds.
SOAK_SMALL ?= 1000000
SOAK_LARGE ?= 1000
soak:
	@.ci/setup test
	@$(MAKE) -s $(BUILD)/tests/soak/soak
	@SOAK_SMALL=$(SOAK_SMALL) SOAK_LARGE=$(SOAK_LARGE) $(BUILD)/tests/soak/soak

setup:
	@.ci/setup test

# --- install ----------------------------------------------------------------------

# What the templates ask for.
relative = $(shell realpath -ms --relative-to=$(1) $(2))
CMAKEDIR = $(LIBDIR)/cmake/mayfly
FILL_IN = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
  -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@BINDIR@|$(BINDIR)|' \
  -e 's|@DOCDIR@|$(DOCDIR)|' -e 's|@VERSION@|$(VERSION)|' \
  -e 's|@SOVERSION@|$(SOVERSION)|' -e 's|@STATIC_LIBS@|$(strip $(STATIC_LIBS))|' \
  -e 's|@NEEDS@|$(LIBS:-l%=%)|' \
  -e 's|@TO_PREFIX@|$(call relative,$(CMAKEDIR),$(PREFIX))|' \
  -e 's|@LIB@|$(call relative,$(PREFIX),$(LIBDIR))|' \
  -e 's|@INCLUDE@|$(call relative,$(PREFIX),$(INCLUDEDIR))|' \
  -e 's|@BIN@|$(call relative,$(PREFIX),$(BINDIR))|'
EXAMPLES = $(DOCDIR)/examples

install: all
	install -d $(DESTDIR)$(INCLUDEDIR)/mayfly $(DESTDIR)$(LIBDIR)/pkgconfig \
	  $(DESTDIR)$(BINDIR) $(DESTDIR)$(CMAKEDIR) $(DESTDIR)$(DOCDIR) \
	  $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man3
	install -m 755 $(BUILD)/mayfly $(DESTDIR)$(BINDIR)
	install -m 644 include/mayfly/*.h $(DESTDIR)$(INCLUDEDIR)/mayfly
	install -m 644 $(BUILD)/libmayfly.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(BUILD)/libmayfly.so.$(SOVERSION) \
	  $(DESTDIR)$(LIBDIR)/libmayfly.so.$(SOVERSION).$(VERSION)
	ln -sf libmayfly.so.$(SOVERSION).$(VERSION) \
	  $(DESTDIR)$(LIBDIR)/libmayfly.so.$(SOVERSION)
	ln -sf libmayfly.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libmayfly.so
	$(FILL_IN) mayfly.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/mayfly.pc
	$(FILL_IN) docs/packaging/cmake/mayfly-config.cmake.in \
	  > $(DESTDIR)$(CMAKEDIR)/mayfly-config.cmake
	$(FILL_IN) docs/packaging/cmake/mayfly-config-version.cmake.in \
	  > $(DESTDIR)$(CMAKEDIR)/mayfly-config-version.cmake
	install -m 644 $(BUILD)/man/man1/* $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(BUILD)/man/man3/* $(DESTDIR)$(MANDIR)/man3
	sed -i 's|@DOCDIR@|$(DOCDIR)|' $(DESTDIR)$(MANDIR)/man[13]/mayfly*.[13]
	install -m 644 LICENSE NOTICE CHANGELOG.md docs/*.md $(DESTDIR)$(DOCDIR)
	install -d $(DESTDIR)$(EXAMPLES)/cmake $(DESTDIR)$(EXAMPLES)/meson \
	  $(DESTDIR)$(EXAMPLES)/man
	for project in cmake/CMakeLists.txt meson/meson.build; do \
	  install -m 644 docs/packaging/$$project samples/greeter/greeter.proto \
	    samples/greeter/greeter_client.c $(DESTDIR)$(EXAMPLES)/$${project%/*}; \
	done
	install -m 644 samples/greeter/greeter.proto docs/man/examples/*.c \
	  $(DESTDIR)$(EXAMPLES)/man

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/mayfly $(DESTDIR)$(LIBDIR)/libmayfly.a \
	  $(DESTDIR)$(LIBDIR)/libmayfly.so $(DESTDIR)$(LIBDIR)/libmayfly.so.$(SOVERSION)* \
	  $(DESTDIR)$(LIBDIR)/pkgconfig/mayfly.pc \
	  $(DESTDIR)$(MANDIR)/man[13]/mayfly.[13] $(DESTDIR)$(MANDIR)/man1/mayfly-*.1 \
	  $(DESTDIR)$(MANDIR)/man3/mayfly_*.3
	rm -rf $(DESTDIR)$(INCLUDEDIR)/mayfly $(DESTDIR)$(CMAKEDIR) $(DESTDIR)$(DOCDIR)

# Debian packages: the command, the library, and for development.
DEBDIR ?= $(BUILD)/deb
deb:
	@.ci/setup deb
	docs/packaging/deb $(DEBDIR)

clean:
	rm -rf $(BUILD)

.PHONY: all samples demo test-programs fuzzers test unit bench swap-bench soak setup \
  install uninstall deb clean
-include $(LIB_OBJS:.o=.d) $(CLI_OBJS:.o=.d) $(SUPPORT_OBJS:.o=.d) \
  $(UNIT_TESTS:=.d) $(USER_TESTS:=.d) $(SAMPLES:=.d)
