# Shared objects that api/handlers_symbols finds in a folder. Built without the
# sanitizers' flags, as somebody else's are.
PLUGIN_DIR = $(BUILD)/tests/api/plugins
PLUGINS = $(patsubst tests/api/plugins/%.c,$(PLUGIN_DIR)/lib%.so,\
  $(wildcard tests/api/plugins/*.c))

$(PLUGIN_DIR)/lib%.so: tests/api/plugins/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -fPIC -shared -o $@ $<
	@echo "not a shared object" > $(@D)/atext.so

TEST_EXTRAS += $(PLUGINS)
