/* An example of a step plugin in C: checks the check digit of a number (Luhn, ISO/IEC 7812-1), as cards, customers and meters have it.
 *
 * Everything comes as JSON. What little of it this needs, it reads by itself; a larger plugin would bring a library for that. */

#include <onward_plugin.h>

#include <stdlib.h>
#include <string.h>

ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON("onward-example-plugin-c", "1.0.0"))

static const char DESCRIPTION[] =
    "{\"id\":\"example_luhn\",\"title\":\"Check a check digit\",\"category\":\"task\",\"version\":\"1.0.0\",\"effects\":\"none\","
    "\"help\":\"Stops the action unless the last digit of a number fits the others.\","
    "\"config\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"properties\":{\"digits\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":64,"
    "\"description\":\"How many digits the number has; any, where this is left out.\"}}},"
    "\"params\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"number\"],\"properties\":{\"number\":{\"type\":\"string\",\"description\":\"The number.\","
    "\"x-onward\":{\"template\":\"text\",\"placeholder\":\"{{Customer Number}}\"}}}}}";

/* What an instance is made of. It is only read, because many runs may be at it at once. */
typedef struct {
    size_t digits;
} luhn;

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

static void *create(uint64_t call, onward_bytes config, const onward_host_v1 *host) {
    part digits = member(whole(config), "digits");
    size_t count = 0;
    for (; digits.at && digits.at < digits.end && *digits.at >= '0' && *digits.at <= '9' && count < 1000; digits.at++)
        count = count * 10 + (size_t)(*digits.at - '0');
    if (digits.at && (digits.at != digits.end || count < 2 || count > 64)) {
        done(host, call, ONWARD_STATUS_ERROR,
             "{\"code\":\"invalid_config\",\"message\":\"/digits: it is a number from 2 to 64\","
             "\"details\":{\"problems\":[{\"pointer\":\"/digits\",\"message\":\"it is a number from 2 to 64\"}]}}");
        return NULL;
    }
    luhn *made = malloc(sizeof *made);
    if (!made) {
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"no_memory\",\"message\":\"There is no memory left.\"}");
        return NULL;
    }
    made->digits = count;
    return made;
}

static void run(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    const luhn *step = instance;
    part number = member(member(whole(input), "params"), "number");
    size_t digits = 0, sum = 0;
    int is_number = number.at && number.at < number.end && *number.at == '"';
    /* From the last to the first: each second digit counts twice, and twice a digit is the sum of its own digits. */
    for (const char *at = is_number ? number.end - 2 : NULL; at && at > number.at; at--) {
        if (*at == ' ' || *at == '-')
            continue;
        if (*at < '0' || *at > '9') {
            is_number = 0;
            break;
        }
        size_t digit = (size_t)(*at - '0') << (digits % 2);
        sum += digit > 9 ? digit - 9 : digit;
        digits++;
    }
    if (ONWARD_HOST_HAS(host, log)) {
        static const char line[] = "checked a number";
        onward_bytes message = {(const uint8_t *)line, sizeof line - 1};
        host->log(call, ONWARD_LOG_DEBUG, message);
    }
    if (!is_number || digits < 2)
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"no_number\",\"message\":\"There is no number to check.\"}");
    else if (step->digits && digits != step->digits)
        done(host, call, ONWARD_STATUS_ERROR, "{\"code\":\"wrong_length\",\"message\":\"The number is too short or too long.\"}");
    else if (sum % 10)
        done(host, call, ONWARD_STATUS_ERROR,
             "{\"code\":\"wrong_digit\",\"message\":\"A digit of the number is wrong, or two of them have changed places.\"}");
    else
        done(host, call, ONWARD_STATUS_OK, "{\"note\":\"the check digit fits\"}");
}

static void destroy(void *instance) { free(instance); }

static const onward_step_v1 LUHN = {
    .size = sizeof(onward_step_v1), .describe = describe, .create = create, .run = run, .destroy = destroy};
static const onward_step_v1 *const STEPS[] = {&LUHN};
static const onward_plugin_v1 PLUGIN = {
    .magic = ONWARD_MAGIC, .size = sizeof(onward_plugin_v1), .abi_minor = ONWARD_ABI_MINOR, .n_steps = 1, .steps = STEPS};

ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host) {
    return ONWARD_HOST_HAS(host, done) ? &PLUGIN : NULL;
}
