/* A library of minor version 0 of the boundary, as somebody has it who built it then: it is never changed, and always works.
 *
 *     cc -shared -fPIC -I. [-DNEWER] [-DBARE] plugin.c
 *
 * NEWER: it says that it is of a minor version that nobody has yet, whose tables are longer. BARE: its tables end where the memory
 * ends that can be read, so that whoever reads beyond them does not come back. */

#define _DEFAULT_SOURCE
#include "onward_plugin.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef NEWER
#define MINOR 9
#define MORE 64
ONWARD_PLUGIN_NOTE("{\"name\":\"frozen\",\"version\":\"1.0.0\",\"abi\":[1,9],\"target\":\"" ONWARD_TARGET "\",\"news\":{\"of\":9}}")
#else
#define MINOR 0
#define MORE 0
ONWARD_PLUGIN_NOTE("{\"name\":\"frozen\",\"version\":\"1.0.0\",\"abi\":[1,0],\"target\":\"" ONWARD_TARGET "\"}")
#endif

static const char DESCRIPTION[] =
    "{\"id\":\"frozen_echo\",\"title\":\"Echo\",\"category\":\"task\",\"version\":\"1.0.0\",\"effects\":\"none\","
    "\"help\":\"Says what it was given.\",\"icon\":\"<svg xmlns='http://www.w3.org/2000/svg'></svg>\","
    "\"examples\":[{\"title\":\"A greeting\",\"config\":{\"word\":\"hello\"},\"params\":{\"to\":\"{{Company Name}}\"}}],"
    "\"config\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"word\"],\"properties\":{\"word\":{\"type\":\"string\",\"maxLength\":100,\"x-onward\":{\"secret\":true}}}},"
    "\"params\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"properties\":{\"to\":{\"type\":\"string\",\"x-onward\":{\"template\":\"text\",\"widget\":\"textarea\",\"group\":\"G\",\"order\":1,"
    "\"placeholder\":\"P\"}}}}}";

static void done(const onward_host_v1 *host, uint64_t call, uint32_t status, const char *json) {
    onward_bytes answer = {(const uint8_t *)json, strlen(json)};
    host->done(call, status, answer);
}

static void describe(uint64_t call, const onward_host_v1 *host) { done(host, call, ONWARD_STATUS_OK, DESCRIPTION); }

/* An instance is what it was made of. */
typedef struct {
    size_t length;
    char config[];
} instance;

static void *create(uint64_t call, onward_bytes config, const onward_host_v1 *host) {
    instance *made = config.len && config.ptr[0] == '{' && config.ptr[config.len - 1] == '}' ? malloc(sizeof *made + config.len) : NULL;
    if (!made) {
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"invalid_config\",\"message\":\"It is no object.\",\"retryable\":false}");
        return NULL;
    }
    made->length = config.len;
    memcpy(made->config, config.ptr, config.len);
    return made;
}

static void run(void *at, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    const instance *made = at;
    (void)input;
    /* Every function that there was. */
    if (ONWARD_HOST_HAS(host, log)) {
        onward_bytes line = {(const uint8_t *)"an echo", 7};
        host->log(call, ONWARD_LOG_DEBUG, line);
    }
    if (ONWARD_HOST_HAS(host, progress)) {
        onward_bytes line = {(const uint8_t *)"half-way", 8};
        host->progress(call, line);
    }
    if (ONWARD_HOST_HAS(host, is_cancelled) && host->is_cancelled(call)) {
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"cancelled\",\"message\":\"It was cancelled.\"}");
        return;
    }
    if (ONWARD_HOST_HAS(host, remaining_ns) && host->remaining_ns(call) == 0) {
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"too_late\",\"message\":\"Its time is over.\"}");
        return;
    }
    if (ONWARD_HOST_HAS(host, get_extension)) {
        onward_bytes none = {(const uint8_t *)"no/such", 7};
        if (host->get_extension(none)) {
            done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"odd\",\"message\":\"There is no such extension.\"}");
            return;
        }
    }
    /* As many bytes as it was made of, so that it is seen that they are still there. */
    char answer[64] = "{\"note\":\"made of ";
    size_t at_end = strlen(answer), length = made->length, divisor = 1;
    while (length / divisor >= 10)
        divisor *= 10;
    for (; divisor; divisor /= 10)
        answer[at_end++] = (char)('0' + length / divisor % 10);
    memcpy(answer + at_end, " bytes\"}", 9);
    done(host, call, ONWARD_STATUS_OK, answer);
}

static void cancel(void *at, uint64_t call) { (void)at, (void)call; }

static void destroy(void *at) {
    memset(at, 0xff, sizeof(instance));
    free(at);
}

/* Memory of this length that ends where nothing can be read any more; what is beyond the known members is nobody's. */
static void *placed(const void *table, size_t known) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), length = known + MORE;
#ifdef BARE
    uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
        return NULL;
    uint8_t *at = pages + page - length;
#else
    (void)page;
    uint8_t *at = malloc(length);
    if (!at)
        return NULL;
#endif
    memcpy(at, table, known);
#if MORE
    memset(at + known, 0xff, MORE);
#endif
    return at;
}

ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host) {
    static const onward_plugin_v1 *made;
    if (made || !ONWARD_HOST_HAS(host, done))
        return made;
    const onward_step_v1 step = {sizeof(onward_step_v1) + MORE, 0, describe, create, run, cancel, destroy};
    const onward_step_v1 *placed_step = placed(&step, sizeof step);
    const onward_step_v1 **steps = placed(&placed_step, sizeof placed_step);
    const onward_plugin_v1 plugin = {ONWARD_MAGIC, sizeof(onward_plugin_v1) + MORE, MINOR, 1, steps};
    made = placed_step && steps ? placed(&plugin, sizeof plugin) : NULL;
    return made;
}
