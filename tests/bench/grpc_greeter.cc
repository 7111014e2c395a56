// The peers of the benchmark in gRPC C++: a callback server and a client that do what
// samples/greeter/greeter_server.c and tests/bench/calls.c do.
//
//     grpc_greeter serve ADDRESS             prints the port; ends with standard input
//     grpc_greeter call TARGET SECONDS IN_FLIGHT
#include "tests/bench/random.h"

#include "greeter.grpc.pb.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

using helloworld::Greeter;
using helloworld::HelloReply;
using helloworld::HelloRequest;

namespace {

class Service final : public Greeter::CallbackService {
    grpc::ServerUnaryReactor *SayHello(grpc::CallbackServerContext *context,
                                       const HelloRequest *request,
                                       HelloReply *reply) override
    {
        auto *reactor = context->DefaultReactor();
        if (request->name().empty()) {
            reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, "whom should I greet?"});
            return reactor;
        }
        reply->set_message("hello " + request->name());
        for (const auto &title : request->titles())
            (*reply->mutable_letters())[title] = int(title.size());
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

int Serve(const char *address)
{
    Service service;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    auto server = builder.BuildAndStart();
    if (!server)
        return 1;
    printf("%d\n", port);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    server->Shutdown();
    return 0;
}

struct Load {
    std::unique_ptr<Greeter::Stub> stub;
    HelloRequest request;
    double until = 0;
    std::atomic<long> done{0}, failed{0}, flying{0};
    std::vector<float> times;
};

void Wait(Load *load)
{
    while (bench_seconds() < load->until) {
        grpc::ClientContext context;
        HelloReply reply;
        double start = bench_seconds();
        if (!load->stub->SayHello(&context, load->request, &reply).ok())
            exit(1);
        load->done++;
        load->times.push_back(float(bench_seconds() - start));
    }
}

struct Call {
    grpc::ClientContext context;
    HelloReply reply;
};

void Start(Load *load)
{
    auto *call = new Call;
    load->stub->async()->SayHello(
        &call->context, &load->request, &call->reply, [load, call](grpc::Status status) {
            delete call;
            (status.ok() ? load->done : load->failed)++;
            if (bench_seconds() < load->until)
                Start(load);
            else
                load->flying--;
        });
}

int CallIt(const char *target, double seconds, int in_flight)
{
    Load load;
    load.stub = Greeter::NewStub(
        grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
    load.request.set_name("ada");
    load.until = bench_seconds() + 0.3;
    Wait(&load);
    load.done = 0;
    load.times.clear();
    double start = bench_seconds(), cpu = bench_cpu_seconds();
    load.until = start + seconds;
    if (in_flight == 1) {
        Wait(&load);
    } else {
        load.flying = in_flight;
        for (int i = 0; i < in_flight; i++)
            Start(&load);
        const timespec tick = {0, 10000000};
        while (load.flying > 0)
            nanosleep(&tick, nullptr);
    }
    seconds = bench_seconds() - start;
    cpu = bench_cpu_seconds() - cpu;
    if (load.times.empty())
        load.times.push_back(0);
    std::sort(load.times.begin(), load.times.end());
    printf("%.0f %.1f %.1f %.2f %ld\n", double(load.done) / seconds,
           load.times[load.times.size() / 2] * 1e6,
           load.times[load.times.size() * 99 / 100] * 1e6,
           cpu * 1e6 / double(load.done), load.failed.load());
    return 0;
}

}  // namespace

int main(int argc, char **argv)
{
    std::string what = argc > 1 ? argv[1] : "";
    if (what == "serve" && argc == 3)
        return Serve(argv[2]);
    if (what == "call" && argc == 5)
        return CallIt(argv[2], atof(argv[3]), atoi(argv[4]));
    return 2;
}
