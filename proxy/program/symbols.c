/*
 * proxy/program/symbols.c: the table of mayfly's public functions.
 *
 * Handler source that is compiled at run time calls mayfly by name; libtcc
 * resolves against this table and never against the process, so the list is the
 * contract. It holds every exported function; a test compares it with the
 * headers.
 */
#include "proxy/program/symbols.h"

#include <mayfly/mayfly.h>

/* clang-format off */
#define MF_API(X) \
    X(mayfly_admin_close) \
    X(mayfly_admin_listen) \
    X(mayfly_arena_add) \
    X(mayfly_arena_alloc) \
    X(mayfly_arena_bytes) \
    X(mayfly_arena_free) \
    X(mayfly_arena_new) \
    X(mayfly_arena_printf) \
    X(mayfly_arena_str) \
    X(mayfly_bulk_free) \
    X(mayfly_bulk_get_info) \
    X(mayfly_bulk_load) \
    X(mayfly_bulk_results) \
    X(mayfly_cache_each) \
    X(mayfly_cache_each_receipt) \
    X(mayfly_cache_get_budget) \
    X(mayfly_cache_get_stats) \
    X(mayfly_cache_set_budget) \
    X(mayfly_call_add_metadata) \
    X(mayfly_call_add_trailer) \
    X(mayfly_call_arena) \
    X(mayfly_call_cancel) \
    X(mayfly_call_cancelled) \
    X(mayfly_call_defer) \
    X(mayfly_call_fail) \
    X(mayfly_call_find) \
    X(mayfly_call_finish) \
    X(mayfly_call_free) \
    X(mayfly_call_json) \
    X(mayfly_call_message) \
    X(mayfly_call_metadata) \
    X(mayfly_call_new) \
    X(mayfly_call_path) \
    X(mayfly_call_peer) \
    X(mayfly_call_reply) \
    X(mayfly_call_reply_dynamic) \
    X(mayfly_call_reply_json) \
    X(mayfly_call_reply_typed) \
    X(mayfly_call_set_status) \
    X(mayfly_call_status) \
    X(mayfly_call_time_left_ms) \
    X(mayfly_call_trailers) \
    X(mayfly_channel_call) \
    X(mayfly_channel_get_info) \
    X(mayfly_channel_intercept) \
    X(mayfly_channel_intercept_by) \
    X(mayfly_channel_ref) \
    X(mayfly_channel_start) \
    X(mayfly_channel_unintercept) \
    X(mayfly_channel_unref) \
    X(mayfly_context_get_calls) \
    X(mayfly_context_get_state) \
    X(mayfly_context_listen) \
    X(mayfly_context_name) \
    X(mayfly_context_receipt) \
    X(mayfly_context_ref) \
    X(mayfly_context_run) \
    X(mayfly_context_thread) \
    X(mayfly_context_timer) \
    X(mayfly_context_unlisten) \
    X(mayfly_context_unref) \
    X(mayfly_context_version) \
    X(mayfly_decode) \
    X(mayfly_dial) \
    X(mayfly_dynamic_call) \
    X(mayfly_dynamic_clear) \
    X(mayfly_dynamic_count) \
    X(mayfly_dynamic_decode) \
    X(mayfly_dynamic_describe) \
    X(mayfly_dynamic_encode) \
    X(mayfly_dynamic_entry) \
    X(mayfly_dynamic_field_at) \
    X(mayfly_dynamic_from_json) \
    X(mayfly_dynamic_get_bool) \
    X(mayfly_dynamic_get_bytes) \
    X(mayfly_dynamic_get_double) \
    X(mayfly_dynamic_get_enum) \
    X(mayfly_dynamic_get_int) \
    X(mayfly_dynamic_get_message) \
    X(mayfly_dynamic_get_str) \
    X(mayfly_dynamic_get_uint) \
    X(mayfly_dynamic_has) \
    X(mayfly_dynamic_new) \
    X(mayfly_dynamic_new_for) \
    X(mayfly_dynamic_set_bool) \
    X(mayfly_dynamic_set_bytes) \
    X(mayfly_dynamic_set_double) \
    X(mayfly_dynamic_set_enum) \
    X(mayfly_dynamic_set_int) \
    X(mayfly_dynamic_set_message) \
    X(mayfly_dynamic_set_str) \
    X(mayfly_dynamic_set_uint) \
    X(mayfly_dynamic_start) \
    X(mayfly_dynamic_to_json) \
    X(mayfly_dynamic_type) \
    X(mayfly_emit) \
    X(mayfly_encode) \
    X(mayfly_error_name) \
    X(mayfly_error_text) \
    X(mayfly_explain_fault) \
    X(mayfly_fault_handler_install) \
    X(mayfly_fault_handler_remove) \
    X(mayfly_host_close) \
    X(mayfly_host_each_channel) \
    X(mayfly_host_each_pool) \
    X(mayfly_host_each_registration) \
    X(mayfly_host_export) \
    X(mayfly_host_free) \
    X(mayfly_host_get_limits) \
    X(mayfly_host_new) \
    X(mayfly_host_registrations_json) \
    X(mayfly_host_set_limits) \
    X(mayfly_host_set_quarantine) \
    X(mayfly_host_set_registration_limit) \
    X(mayfly_host_take_loop) \
    X(mayfly_host_trim) \
    X(mayfly_intercept_add) \
    X(mayfly_intercept_is_server) \
    X(mayfly_intercept_metadata) \
    X(mayfly_intercept_remove) \
    X(mayfly_intercept_reply) \
    X(mayfly_intercept_times) \
    X(mayfly_json_decode) \
    X(mayfly_json_encode) \
    X(mayfly_load_file) \
    X(mayfly_load_source) \
    X(mayfly_load_text) \
    X(mayfly_memory_report_bytes) \
    X(mayfly_memory_report_context) \
    X(mayfly_memory_report_free) \
    X(mayfly_memory_report_host) \
    X(mayfly_memory_report_json) \
    X(mayfly_memory_report_rows) \
    X(mayfly_memory_report_text) \
    X(mayfly_output_bytes) \
    X(mayfly_output_free) \
    X(mayfly_pin_free) \
    X(mayfly_pin_new) \
    X(mayfly_pin_symbol) \
    X(mayfly_pool_free) \
    X(mayfly_pool_get_info) \
    X(mayfly_pool_give) \
    X(mayfly_pool_new_arenas) \
    X(mayfly_pool_new_buffers) \
    X(mayfly_pool_new_objects) \
    X(mayfly_pool_take_arena) \
    X(mayfly_pool_take_buffer) \
    X(mayfly_pool_take_object) \
    X(mayfly_pool_tie) \
    X(mayfly_pool_trim) \
    X(mayfly_proxy_call) \
    X(mayfly_proxy_free) \
    X(mayfly_proxy_new) \
    X(mayfly_proxy_start) \
    X(mayfly_receipt_beside) \
    X(mayfly_receipt_free) \
    X(mayfly_receipt_json) \
    X(mayfly_receipt_retained) \
    X(mayfly_receipt_text) \
    X(mayfly_server_add) \
    X(mayfly_server_add_context) \
    X(mayfly_server_add_dynamic) \
    X(mayfly_server_add_json) \
    X(mayfly_server_add_raw) \
    X(mayfly_server_close) \
    X(mayfly_server_free) \
    X(mayfly_server_intercept) \
    X(mayfly_server_intercept_by) \
    X(mayfly_server_listen) \
    X(mayfly_server_new) \
    X(mayfly_server_remove) \
    X(mayfly_server_unintercept) \
    X(mayfly_status_name) \
    X(mayfly_thread_free) \
    X(mayfly_thread_stopping) \
    X(mayfly_thread_wait) \
    X(mayfly_thread_wake) \
    X(mayfly_timer_free) \
    X(mayfly_unit_call_json) \
    X(mayfly_unit_context) \
    X(mayfly_unit_drop) \
    X(mayfly_unit_evict) \
    X(mayfly_unit_find) \
    X(mayfly_unit_find_version) \
    X(mayfly_unit_intercept_channel) \
    X(mayfly_unit_intercept_server) \
    X(mayfly_unit_load) \
    X(mayfly_unit_name) \
    X(mayfly_unit_proxy_new) \
    X(mayfly_unit_ref) \
    X(mayfly_unit_remove) \
    X(mayfly_unit_serve) \
    X(mayfly_unit_serve_dynamic) \
    X(mayfly_unit_serve_json) \
    X(mayfly_unit_serve_source) \
    X(mayfly_unit_set_pinned) \
    X(mayfly_unit_swap) \
    X(mayfly_unit_unref) \
    X(mayfly_unit_use) \
    X(mayfly_unit_version) \
    X(mayfly_unload) \
    X(mayfly_version) \
    X(mayfly_weak_free) \
    X(mayfly_weak_get_state) \
    X(mayfly_weak_lock) \
    X(mayfly_weak_new) \
    X(mayfly_weak_pin) \
    X(mayfly_why) \
    X(mayfly_why_count) \
    X(mayfly_why_free) \
    X(mayfly_why_get) \
    X(mayfly_why_json) \
    X(mayfly_why_text) \
    X(mayfly_why_threads) \
    X(mayfly_why_total)
/* clang-format on */

/* ISO C has no conversion from function to object pointers; POSIX promises one.
 */
#define MF_API_ROW(name) {#name, (const void *)(uintptr_t)name},

static const mayfly_symbol api[] = {MF_API(MF_API_ROW)};

const mayfly_symbol *mf_api_symbols(size_t *ret_n)
{
    *ret_n = sizeof api / sizeof *api;
    return api;
}
