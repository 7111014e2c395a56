# Programs that scripts among the tests run.
TOOL_SRCS = $(wildcard tests/tools/*.c)
TOOLS = $(TOOL_SRCS:%.c=$(BUILD)/%)
TEST_EXTRAS += $(TOOLS)

$(TOOLS): $(BUILD)/%: %.c $(SUPPORT) $(BUILD)/libmayfly-internal.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< \
	  $(SUPPORT) $(BUILD)/libmayfly-internal.a -lcmocka $(LIBS)

-include $(TOOLS:=.d)
