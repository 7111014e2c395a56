/* Names, texts and messages of errors. */
#include "base/error.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

static void names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(mayfly_error_name(MAYFLY_EINVAL), "MAYFLY_EINVAL");
    assert_string_equal(mayfly_error_name(MAYFLY_EINTERNAL),
                        "MAYFLY_EINTERNAL");
    assert_string_equal(mayfly_error_name(0), "MAYFLY_OK");
    assert_string_equal(mayfly_error_name(-1000), "MAYFLY_E?");
    assert_string_equal(mayfly_error_name(7), "MAYFLY_E?");
    assert_string_equal(mayfly_error_text(MAYFLY_ENOMEM), "out of memory");
    assert_string_equal(mayfly_error_text(99), "unknown error");
}

static void set_at_wrap(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;

    assert_int_equal(mf_error_set(NULL, MAYFLY_EIO, "x"), MAYFLY_EIO);
    assert_int_equal(mf_error_wrap(NULL, MAYFLY_EIO, "x"), MAYFLY_EIO);
    assert_int_equal(mf_error_at(NULL, MAYFLY_EIO, "f", 1, 2, "x"), MAYFLY_EIO);

    assert_int_equal(
        mf_error_at(&err, MAYFLY_ESCHEMA, "a.proto", 7, 3, "no %s", "type"),
        MAYFLY_ESCHEMA);
    assert_string_equal(err.message, "a.proto:7:3: no type");
    assert_int_equal(err.line, 7);
    assert_int_equal(err.column, 3);

    assert_int_equal(mf_error_wrap(&err, err.code, "loading %s", "a"),
                     MAYFLY_ESCHEMA);
    assert_string_equal(err.message, "loading a: a.proto:7:3: no type");
    assert_int_equal(err.line, 7);

    /* the message may be its own argument */
    mf_error_set(&err, MAYFLY_EIO, "[%s]", err.message);
    assert_string_equal(err.message, "[loading a: a.proto:7:3: no type]");
    assert_int_equal(err.line, 0);

    mf_error_at(&err, MAYFLY_ECOMPILE, NULL, 0, 0, "x");
    assert_string_equal(err.message, "x");
    mf_error_at(&err, MAYFLY_ECOMPILE, "f", 2, 0, "x");
    assert_string_equal(err.message, "f:2: x");
    mf_error_nomem(&err, "the schema");
    assert_int_equal(err.code, MAYFLY_ENOMEM);
    assert_string_equal(err.message, "out of memory: the schema");
}

static void long_messages_are_cut_at_a_character(void **state)
{
    static char longer[3000];
    struct {
        mayfly_error err;
        char guard;
    } box = {.guard = 42};
    (void)state;

    for (size_t shift = 0; shift < 3; shift++) {
        memset(longer, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof longer; i += 3) {
            memcpy(longer + i, "\xe2\x82\xac", 3);
            longer[i + 3] = '\0';
        }
        mf_error_set(&box.err, MAYFLY_EIO, "%s", longer);
        size_t len = strlen(box.err.message);
        assert_true(len < MAYFLY_ERROR_MESSAGE_MAX);
        assert_true(len >= MAYFLY_ERROR_MESSAGE_MAX - 4);
        assert_int_equal((len - shift) % 3, 0);
        mf_error_wrap(&box.err, MAYFLY_EIO, "%s", longer);
        assert_true(strlen(box.err.message) < MAYFLY_ERROR_MESSAGE_MAX);
        assert_int_equal(box.guard, 42);
    }
}

static void version(void **state)
{
    char text[64];
    (void)state;
    snprintf(text, sizeof text, "%d.%d.%d", MAYFLY_VERSION_MAJOR,
             MAYFLY_VERSION_MINOR, MAYFLY_VERSION_PATCH);
    assert_string_equal(mayfly_version(), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts),
        cmocka_unit_test(set_at_wrap),
        cmocka_unit_test(long_messages_are_cut_at_a_character),
        cmocka_unit_test(version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
