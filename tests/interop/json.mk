# The library's side of test_json.py.
JSON_PEER = $(BUILD)/tests/interop/json_peer
$(JSON_PEER): tests/interop/json_peer.c $(BUILD)/libmayfly.a
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libmayfly.a $(LIBS)
TEST_EXTRAS += $(if $(WHOLE),$(JSON_PEER))
