// The peer of tests/bench/codec.c: protoc's C++ with an arena, which also makes the
// messages that both sides use.
#include "tests/bench/codec.h"

#include "bench.pb.h"

#include <google/protobuf/arena.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

using google::protobuf::Arena;
using google::protobuf::Message;

namespace {

std::mt19937_64 generator(42);

uint64_t Random(uint64_t below)
{
    return generator() % below;
}

uint64_t Number()
{
    return generator() >> Random(64);
}

std::string Words(size_t most)
{
    std::string s(Random(most + 1), ' ');
    for (char &c : s)
        c = char('a' + Random(26));
    return s;
}

void Fill(bench::Item *item)
{
    item->set_id(Number());
    item->set_name(Words(20));
    item->set_delta(int32_t(Number()) - 1000);
    item->set_flag(Random(2));
    item->set_weight(double(Random(1000)) / 8);
    for (size_t n = Random(6); n > 0; n--)
        item->add_codes(uint32_t(Number()));
}

void Fill(bench::Order *order)
{
    order->set_id(Number());
    order->set_customer(Words(30));
    order->set_created(int64_t(Number()));
    for (size_t n = Random(4); n > 0; n--)
        Fill(order->add_items());
    order->set_token(Words(16));
    if (Random(2))
        order->set_priority(int32_t(Random(10)));
    for (size_t n = Random(3); n > 0; n--)
        order->add_tags(Words(8));
    if (Random(2))
        Fill(order->mutable_best());
    order->set_checksum(generator());
}

void Fill(bench::Sample *s)
{
    if (Random(2)) s->set_a(int32_t(Number()));
    if (Random(2)) s->set_b(int64_t(Number()));
    if (Random(2)) s->set_c(uint32_t(Number()));
    if (Random(2)) s->set_d(int64_t(Number()));
    if (Random(2)) s->set_e(true);
    if (Random(2)) s->set_f(double(Number()));
    if (Random(2)) s->set_g(int32_t(Random(100)));
    if (Random(2)) s->set_h(Number());
    if (Random(2)) s->set_i(uint32_t(Number()));
    if (Random(2)) s->set_j(Random(2));
    if (Random(2)) s->set_k(float(Number()));
    if (Random(2)) s->set_l(int64_t(Number()));
    switch (Random(4)) {
    case 0: s->set_whole(int64_t(Number())); break;
    case 1: s->set_real(double(Number())); break;
    case 2: s->set_text(Words(20)); break;
    }
}

void Fill(bench::Series *s)
{
    s->set_name(Words(30));
    for (size_t n = Random(40); n > 0; n--) {
        s->add_times(1700000000 + Random(100000));
        s->add_values(double(Random(1000)) / 8);
        s->add_deltas(int32_t(Random(300)) - 150);
    }
    for (size_t n = Random(6); n > 0; n--)
        (*s->mutable_labels())[Words(10)] = Words(10);
}

std::unique_ptr<Message> Make(const std::string &type)
{
    if (type == "bench.Order")
        return std::make_unique<bench::Order>();
    if (type == "bench.Sample")
        return std::make_unique<bench::Sample>();
    return std::make_unique<bench::Series>();
}

Message *MakeIn(Arena *arena, const char *type)
{
    if (std::strcmp(type, "bench.Order") == 0)
        return Arena::CreateMessage<bench::Order>(arena);
    if (std::strcmp(type, "bench.Sample") == 0)
        return Arena::CreateMessage<bench::Sample>(arena);
    return Arena::CreateMessage<bench::Series>(arena);
}

std::vector<std::unique_ptr<Message>> prepared;
std::vector<char> block(1 << 20);
std::vector<char> out(1 << 20);

google::protobuf::ArenaOptions Options()
{
    google::protobuf::ArenaOptions options;
    options.initial_block = block.data();
    options.initial_block_size = block.size();
    return options;
}

}  // namespace

void peer_make(bench_set *set, const char *type)
{
    set->type = type;
    set->n = BENCH_MESSAGES;
    set->total = 0;
    for (size_t i = 0; i < set->n; i++) {
        auto message = Make(type);
        if (auto *order = dynamic_cast<bench::Order *>(message.get()))
            Fill(order);
        else if (auto *sample = dynamic_cast<bench::Sample *>(message.get()))
            Fill(sample);
        else
            Fill(static_cast<bench::Series *>(message.get()));
        // The benchmark of one message takes the first: not an empty one.
        if (i == 0 && message->ByteSizeLong() < 60) {
            i--;
            continue;
        }
        auto *wire = new std::string(message->SerializeAsString());
        set->wire[i] = reinterpret_cast<const uint8_t *>(wire->data());
        set->length[i] = wire->size();
        set->total += wire->size();
    }
}

void peer_prepare(const bench_set *set)
{
    prepared.clear();
    for (size_t i = 0; i < set->n; i++) {
        prepared.push_back(Make(set->type));
        if (!prepared.back()->ParseFromArray(set->wire[i], int(set->length[i])))
            std::abort();
    }
}

void peer_decode(const bench_set *set, size_t n)
{
    static Arena arena(Options());
    for (size_t i = 0; i < n; i++) {
        arena.Reset();
        if (!MakeIn(&arena, set->type)
                 ->ParseFromArray(set->wire[i], int(set->length[i])))
            std::abort();
    }
}

void peer_encode(const bench_set *set, size_t n)
{
    (void)set;
    for (size_t i = 0; i < n; i++)
        if (!prepared[i]->SerializeToArray(out.data(), int(out.size())))
            std::abort();
}
