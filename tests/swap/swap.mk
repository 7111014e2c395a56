# The host of this folder's scripts.
SWAP_HOST = $(BUILD)/tests/swap/host
$(SWAP_HOST): tests/swap/host.c tests/api/numbered.h $(BUILD)/libmayfly.a \
		| $(PROTO_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -I. $(PROTO_DIRS) $(LDFLAGS) -o $@ $< \
	  $(BUILD)/libmayfly.a $(LIBS)
TEST_EXTRAS += $(SWAP_HOST)
