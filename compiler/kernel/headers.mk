# The text of the headers that generated code and handler source include, as data
# of the library: mf_kernel_header. Comments are left out, lines keep their numbers.

KERNEL_HEADERS = compiler/kernel/stub.h $(wildcard include/mayfly/*.h)
KERNEL_HEADERS_C = $(BUILD)/gen/kernel_headers.c

$(KERNEL_HEADERS_C): $(KERNEL_HEADERS) compiler/kernel/headers.awk \
  compiler/kernel/headers.mk
	@mkdir -p $(@D)
	awk -f compiler/kernel/headers.awk $(KERNEL_HEADERS) > $@

$(BUILD)/gen/kernel_headers.o: $(KERNEL_HEADERS_C)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

LIB_OBJS += $(BUILD)/gen/kernel_headers.o

# For compiling generated units with the system compiler, as tests do.
$(BUILD)/gen/mayfly/stub.h: compiler/kernel/stub.h
	@mkdir -p $(@D)
	cp $< $@

$(BUILD)/gen/kernel_headers.o: $(BUILD)/gen/mayfly/stub.h
