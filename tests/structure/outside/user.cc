/* The installed headers and library from C++. */
#include <mayfly/mayfly.h>

#include <cstdio>

int main()
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = nullptr;

    if (mayfly_host_new(nullptr, &host, &err) != 0) {
        std::fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    mayfly_host_free(host);
    return 0;
}
