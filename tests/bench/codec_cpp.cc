// The peer of tests/bench/codec.c: protoc's C++ with an arena, on the same messages.
#include "tests/bench/random.h"

#include "bench.pb.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr int kRounds = 7;

struct Result {
    double decode = 0, encode = 0;  // best MB/s
};

// Each message is decoded into an arena that is reset for every one, then encoded
// into a buffer that is used again.
Result Measure(const bench_wire &w, size_t first, size_t n, size_t repeats)
{
    Result best;
    std::string out;
    std::vector<char> block(1 << 20);
    google::protobuf::ArenaOptions options;
    options.initial_block = block.data();
    options.initial_block_size = block.size();
    size_t bytes = 0;
    for (size_t i = first; i < first + n; i++)
        bytes += w.length[i];
    const double mb = double(bytes) * double(repeats) / 1e6;

    std::vector<std::unique_ptr<bench::Order>> orders;
    for (size_t i = first; i < first + n; i++) {
        orders.push_back(std::make_unique<bench::Order>());
        if (!orders.back()->ParseFromArray(w.bytes + w.start[i], int(w.length[i])))
            exit(1);
    }
    for (int round = 0; round < kRounds; round++) {
        google::protobuf::Arena arena(options);
        double start = bench_seconds();
        for (size_t k = 0; k < repeats; k++)
            for (size_t i = first; i < first + n; i++) {
                arena.Reset();
                auto *order =
                    google::protobuf::Arena::CreateMessage<bench::Order>(&arena);
                if (!order->ParseFromArray(w.bytes + w.start[i], int(w.length[i])))
                    exit(1);
            }
        double middle = bench_seconds();
        for (size_t k = 0; k < repeats; k++)
            for (auto &order : orders) {
                out.clear();
                if (!order->SerializeToString(&out))
                    exit(1);
            }
        double end = bench_seconds();
        best.decode = std::max(best.decode, mb / (middle - start));
        best.encode = std::max(best.encode, mb / (end - middle));
    }
    return best;
}

}  // namespace

int main(int argc, char **argv)
{
    bench_wire w;
    if (argc != 2 || bench_wire_read(&w, argv[1]) != 0)
        return 2;
    Result one = Measure(w, 0, 1, 100000);
    Result many = Measure(w, 0, w.n, 20);
    printf("%.0f %.0f %.0f %.0f\n", one.decode, one.encode, many.decode, many.encode);
    return 0;
}
