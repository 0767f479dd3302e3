/* A plugin for the benchmark: one step type that answers what it is given, one that answers nothing, one that never answers. */
#include <onward_plugin.h>
#include <string.h>
#include <unistd.h>

#ifndef NAME
#define NAME "bench"
#endif
#define TEXT(text) ((onward_bytes){(const uint8_t *)(text), sizeof(text) - 1})
#define DOCUMENT(id) \
    TEXT("{\"id\":\"" NAME "_" id "\",\"title\":\"T\",\"category\":\"task\",\"version\":\"1\",\"effects\":\"none\"}")

ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON(NAME, "1.0.0"))

static int instance;

static void *create(uint64_t call, onward_bytes config, const onward_host_v1 *host) {
    (void)call, (void)config, (void)host;
    return &instance;
}
static void destroy(void *instance) { (void)instance; }

static void describe_echo(uint64_t call, const onward_host_v1 *host) { host->done(call, ONWARD_STATUS_OK, DOCUMENT("echo")); }
static void echo(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    (void)instance;
    host->done(call, ONWARD_STATUS_OK, input);
}

static void describe_nothing(uint64_t call, const onward_host_v1 *host) { host->done(call, ONWARD_STATUS_OK, DOCUMENT("nothing")); }
static void nothing(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    (void)instance, (void)input;
    host->done(call, ONWARD_STATUS_OK, TEXT("{}"));
}

static void describe_wedge(uint64_t call, const onward_host_v1 *host) { host->done(call, ONWARD_STATUS_OK, DOCUMENT("wedge")); }
static void wedge(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    (void)instance, (void)call, (void)input, (void)host;
    for (;;) pause();
}

#define STEP(describe, run) {sizeof(onward_step_v1), 0, describe, create, run, NULL, destroy}
static const onward_step_v1 of_echo = STEP(describe_echo, echo);
static const onward_step_v1 of_nothing = STEP(describe_nothing, nothing);
static const onward_step_v1 of_wedge = STEP(describe_wedge, wedge);
static const onward_step_v1 *const steps[] = {&of_echo, &of_nothing, &of_wedge};
static const onward_plugin_v1 plugin = {ONWARD_MAGIC, sizeof(onward_plugin_v1), 0, 3, steps};

ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host) {
    (void)host;
    return &plugin;
}
