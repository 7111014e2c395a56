# The benchmarks and their peers in C++; made by `make bench` only.
BENCH = $(BUILD)/tests/bench
BENCH_CXXFLAGS = -O2 -g -std=c++17 -I. -I$(BENCH)/gen

$(BENCH)/load $(BENCH)/calls $(BENCH)/cold $(BENCH)/ask $(BENCH)/pools: $(BENCH)/%: tests/bench/%.c \
		tests/bench/random.h $(BUILD)/libmayfly.a | $(PROTO_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -I. $(PROTO_DIRS) $(LDFLAGS) -o $@ $< \
	  $(BUILD)/libmayfly.a $(LIBS)

$(BENCH)/presets: tests/bench/presets.c tests/bench/random.h $(SUPPORT) \
		$(BUILD)/libmayfly.a
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -I. $(LDFLAGS) -o $@ $< $(SUPPORT) \
	  $(BUILD)/libmayfly.a -lcmocka $(LIBS)

$(BENCH)/gen/%.pb.cc: tests/bench/%.proto
	@mkdir -p $(@D)
	protoc -I tests/bench --cpp_out=$(@D) $<

$(BENCH)/gen/greeter.grpc.pb.cc: samples/greeter/greeter.proto
	@mkdir -p $(@D)
	protoc -I samples/greeter --cpp_out=$(@D) --grpc_out=$(@D) \
	  --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin $<

# Both sides of the codecs in one program.
$(BENCH)/codec: tests/bench/codec.c tests/bench/codec_cpp.cc \
		tests/bench/codec.h $(BENCH)/gen/bench.pb.cc $(SUPPORT) \
		$(BUILD)/libmayfly-internal.a
	$(CC) $(ALL_CFLAGS) -c -o $@.o $<
	g++ $(BENCH_CXXFLAGS) $(LDFLAGS) -o $@ $@.o $(filter %.cc,$^) \
	  $(SUPPORT) $(BUILD)/libmayfly-internal.a -lprotobuf -lcmocka $(LIBS)

$(BENCH)/grpc_greeter: tests/bench/grpc_greeter.cc \
		$(BENCH)/gen/greeter.grpc.pb.cc tests/bench/random.h
	g++ $(BENCH_CXXFLAGS) -o $@ $(filter %.cc,$^) $(BENCH)/gen/greeter.pb.cc \
	  $$(pkg-config --libs grpc++ protobuf) -lpthread

$(BENCH)/lease: tests/bench/lease.c $(BUILD)/libmayfly-internal.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libmayfly-internal.a $(LIBS)

$(BENCH)/pingpong: tests/bench/pingpong.c tests/bench/random.h
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -I. $(LDFLAGS) -o $@ $< -lpthread

$(BENCH)/contexts: tests/bench/contexts.c tests/bench/random.h $(SUPPORT) \
		$(BUILD)/libmayfly-internal.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(SUPPORT) \
	  $(BUILD)/libmayfly-internal.a $(LIBS)

$(BENCH)/units $(BENCH)/phases: $(BENCH)/%: tests/bench/%.c \
		tests/support/small.h tests/bench/random.h $(SUPPORT) \
		$(BUILD)/libmayfly-internal.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(SUPPORT) \
	  $(BUILD)/libmayfly-internal.a -lcmocka $(LIBS)

bench-programs: $(BENCH)/units $(BENCH)/phases $(BENCH)/cold \
	$(BENCH)/pingpong $(BENCH)/load $(BENCH)/lease \
	$(BENCH)/contexts $(BENCH)/ask $(BENCH)/presets $(BENCH)/pools $(BENCH)/codec $(BENCH)/calls \
	$(BENCH)/grpc_greeter $(BUILD)/samples/greeter/greeter_server
.PHONY: bench-programs
