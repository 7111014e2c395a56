# The library's side of test_rpc.py and test_hostile.py.
RPC_PEER = $(BUILD)/tests/interop/rpc_peer
$(RPC_PEER): tests/interop/rpc_peer.c $(BUILD)/libmayfly.a
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libmayfly.a $(LIBS)
TEST_EXTRAS += $(RPC_PEER)
