/* A step type for Onward: stops the action unless a text is short enough.
 *
 * Everything comes as JSON. What little of it this needs, it reads by itself; a larger plugin would bring a library for that. */

#include "onward_plugin.h"

#include <stdlib.h>
#include <string.h>

ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON("sample-step", "0.1.0"))

/* What the step type says of itself. `id` is how workflow files name it: once somebody uses it, it stays, as do the keys. */
static const char DESCRIPTION[] =
    "{\"id\":\"sample_step\",\"title\":\"Sample step\",\"category\":\"task\",\"version\":\"0.1.0\",\"effects\":\"none\","
    "\"help\":\"Stops the action unless a text is short enough.\","
    "\"examples\":[{\"title\":\"A name for a label\",\"config\":{\"length\":20},\"params\":{\"text\":\"{{Company Name}}\"}}],"
    "\"config\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"length\"],\"properties\":{\"length\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000,"
    "\"description\":\"How many characters the text may have.\"}}},"
    "\"params\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\",\"description\":\"The text.\","
    "\"x-onward\":{\"template\":\"text\",\"placeholder\":\"{{Company Name}}\"}}}}}";

/* What an instance is made of. It is only read, because many runs may be at it at once. */
typedef struct {
    size_t length;
} step;

/* A part of a JSON text: from `at` on, to `end`. */
typedef struct {
    const char *at, *end;
} part;

static const char *skip_space(part json) {
    while (json.at < json.end && strchr(" \t\r\n", *json.at) && *json.at)
        json.at++;
    return json.at;
}

/* Past the value that begins here, or null where it does not end. The host has made the text, so that it is JSON. */
static const char *skip_value(part json) {
    size_t depth = 0;
    int in_text = 0;
    for (; json.at < json.end; json.at++) {
        char c = *json.at;
        if (in_text) {
            if (c == '\\')
                json.at++;
            else if (c == '"')
                in_text = 0;
            if (!in_text && depth == 0)
                return json.at + 1;
        } else if (c == '"') {
            in_text = 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return json.at;
            if (--depth == 0)
                return json.at + 1;
        } else if ((c == ',' || c == ':') && depth == 0) {
            return json.at;
        }
    }
    return depth == 0 && !in_text && json.at == json.end ? json.end : NULL;
}

/* The value of a key of the object, or an empty part. */
static part member(part object, const char *key) {
    part none = {NULL, NULL};
    object.at = skip_space(object);
    if (object.at == object.end || *object.at != '{')
        return none;
    object.at++;
    for (;;) {
        object.at = skip_space(object);
        if (object.at == object.end || *object.at != '"')
            return none;
        const char *name = object.at;
        object.at = skip_value(object);
        if (!object.at)
            return none;
        size_t length = (size_t)(object.at - name);
        int is_it = length == strlen(key) + 2 && memcmp(name + 1, key, length - 2) == 0;
        object.at = skip_space(object);
        if (object.at == object.end || *object.at != ':')
            return none;
        object.at++;
        object.at = skip_space(object);
        part value = {object.at, skip_value(object)};
        if (!value.end)
            return none;
        if (is_it)
            return value;
        object.at = value.end;
        object.at = skip_space(object);
        if (object.at == object.end || *object.at != ',')
            return none;
        object.at++;
    }
}

static part whole(onward_bytes bytes) {
    /* No bytes may come as a null pointer. */
    const char *text = bytes.len ? (const char *)bytes.ptr : "";
    part all = {text, text + bytes.len};
    return all;
}

static void done(const onward_host_v1 *host, uint64_t call, uint32_t status, const char *json) {
    onward_bytes answer = {(const uint8_t *)json, strlen(json)};
    host->done(call, status, answer);
}

static void describe(uint64_t call, const onward_host_v1 *host) { done(host, call, ONWARD_STATUS_OK, DESCRIPTION); }

/* Makes an instance of a configuration; null, once `done` has said why not. */
static void *create(uint64_t call, onward_bytes config, const onward_host_v1 *host) {
    part length = member(whole(config), "length");
    size_t number = 0;
    for (; length.at && length.at < length.end && *length.at >= '0' && *length.at <= '9' && number < 100000; length.at++)
        number = number * 10 + (size_t)(*length.at - '0');
    if (!length.at || length.at != length.end || number < 1 || number > 10000) {
        done(host, call, ONWARD_STATUS_ERROR,
             "{\"code\":\"invalid_config\",\"message\":\"/length: it is a number from 1 to 10000\","
             "\"details\":{\"problems\":[{\"pointer\":\"/length\",\"message\":\"it is a number from 1 to 10000\"}]}}");
        return NULL;
    }
    step *made = malloc(sizeof *made);
    if (!made) {
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"no_memory\",\"message\":\"There is no memory left.\"}");
        return NULL;
    }
    made->length = number;
    return made;
}

/* The characters of a JSON string: an escape is one, and so is all of a character's bytes. */
static size_t characters(part text) {
    size_t count = 0;
    for (const char *at = text.at + 1; at < text.end - 1; at++) {
        if (*at == '\\')
            at += at[1] == 'u' ? 5 : 1;
        else if (((unsigned char)*at & 0xc0) == 0x80)
            continue;
        count++;
    }
    return count;
}

/* Runs it once. It may be called many times at once, for one instance too. */
static void run(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    const step *made = instance;
    part text = member(member(whole(input), "params"), "text");
    if (!text.at || text.end - text.at < 2 || *text.at != '"') {
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"no_text\",\"message\":\"There is no text.\"}");
        return;
    }
    if (ONWARD_HOST_HAS(host, log)) {
        static const char line[] = "looked at a text";
        onward_bytes message = {(const uint8_t *)line, sizeof line - 1};
        host->log(call, ONWARD_LOG_DEBUG, message);
    }
    if (characters(text) > made->length)
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"too_long\",\"message\":\"The text is too long.\"}");
    else
        done(host, call, ONWARD_STATUS_OK, "{\"note\":\"the text is short enough\"}");
}

static void destroy(void *instance) { free(instance); }

static const onward_step_v1 STEP = {
    .size = sizeof(onward_step_v1), .describe = describe, .create = create, .run = run, .destroy = destroy};
static const onward_step_v1 *const STEPS[] = {&STEP};
static const onward_plugin_v1 PLUGIN = {
    .magic = ONWARD_MAGIC, .size = sizeof(onward_plugin_v1), .abi_minor = ONWARD_ABI_MINOR, .n_steps = 1, .steps = STEPS};

ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host) {
    return ONWARD_HOST_HAS(host, done) ? &PLUGIN : NULL;
}
