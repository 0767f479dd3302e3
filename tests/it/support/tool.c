/* A plugin whose steps do what their params say: `do` is what, `say` is with what. */
#define _GNU_SOURCE
#include <onward_plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(text) ((onward_bytes){(const uint8_t *)(text), strlen(text)})

ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON("tool", "1.0.0"))

/* The text of a key of a JSON object, somewhere after a mark in a document; null where it is not there. */
static char *text_of(const char *document, const char *mark, const char *key) {
    char name[100];
    snprintf(name, sizeof name, "\"%s\":\"", key);
    const char *from = strstr(document, mark);
    from = from ? strstr(from, name) : NULL;
    if (!from) return NULL;
    from += strlen(name);
    char *text = calloc(1, strlen(from) + 1), *to = text;
    for (; *from && *from != '"'; from++) {
        int is_escaped = *from == '\\';
        from += is_escaped;
        *to++ = is_escaped && *from == 'n' ? '\n' : *from;
    }
    return text;
}

static int attempt_of(const char *document) {
    const char *from = strstr(document, "\"attempt\":");
    return from ? atoi(from + strlen("\"attempt\":")) : 0;
}

/* A text in JSON. */
static char *quoted(const char *text) {
    char *out = calloc(2, strlen(text) + 3), *to = out;
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') *to++ = '\\';
        *to++ = *text == '\n' ? ' ' : *text;
    }
    *to = '"';
    return out;
}

struct instance {
    char *config;
    char *token;
    int runs;
};
static int instances;

/* A request that is waited for. */
struct asked {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    const onward_host_v1 *host;
    int has_answer;
    uint32_t status;
    char *text;
};
static void answered(void *token, uint32_t status, onward_bytes answer) {
    struct asked *asked = token;
    pthread_mutex_lock(&asked->lock);
    asked->has_answer = 1;
    asked->status = status;
    asked->text = strndup((const char *)answer.ptr, answer.len);
    pthread_cond_signal(&asked->arrived);
    pthread_mutex_unlock(&asked->lock);
}
static struct asked *begin_to_ask(uint64_t call, const onward_host_v1 *host, const char *request) {
    struct asked *asked = calloc(1, sizeof *asked);
    pthread_mutex_init(&asked->lock, NULL);
    pthread_cond_init(&asked->arrived, NULL);
    asked->host = host;
    const onward_http_v1 *http = host->get_extension(TEXT(ONWARD_HTTP));
    http->send(call, TEXT(request), asked, answered);
    return asked;
}
static void wait_for(struct asked *asked) {
    pthread_mutex_lock(&asked->lock);
    while (!asked->has_answer) pthread_cond_wait(&asked->arrived, &asked->lock);
    pthread_mutex_unlock(&asked->lock);
}
/* Waits for a request after its call has ended, and logs what became of it. */
static void *log_answer(void *token) {
    struct asked *asked = token;
    char line[1000];
    wait_for(asked);
    snprintf(line, sizeof line, "late answer: %u %.900s", asked->status, asked->text);
    asked->host->log(0, ONWARD_LOG_WARN, TEXT(line));
    return NULL;
}

/* Ends a call well, with a note. */
static void note(uint64_t call, const onward_host_v1 *host, const char *text) {
    char *words = quoted(text), *answer = NULL;
    if (asprintf(&answer, "{\"note\":%s}", words) < 0) abort();
    host->done(call, ONWARD_STATUS_OK, TEXT(answer));
    free(answer);
    free(words);
}

/* Says the secret wherever something can be said. */
static void repeat(uint64_t call, const onward_host_v1 *host, const char *how, const char *token) {
    char answer[4000], line[1000];
    snprintf(line, sizeof line, "it is %s", token);
    host->log(call, ONWARD_LOG_WARN, TEXT(line));
    host->progress(call, TEXT(line));
    fprintf(stderr, "printed: %s\n", token);
    if (!strcmp(how, "error")) {
        const char *form = "{\"code\":\"%s\",\"message\":\"it was %s\",\"details\":{\"%s\":[\"%s\"]}}";
        snprintf(answer, sizeof answer, form, token, token, token, token);
        return host->done(call, ONWARD_STATUS_ERROR, TEXT(answer));
    }
    if (!strcmp(how, "panic")) return host->done(call, ONWARD_STATUS_PANIC, TEXT(token));
    if (!strcmp(how, "words")) {
        fprintf(stderr, "my last words: %s\n", token);
        _exit(3);
    }
    const char *form = "{\"task\":{\"Note\":\"is %s\",\"%s\":\"x\"},\"note\":\"it is %s\",\"%s\":1}";
    if (!strcmp(how, "stage")) form = "{\"expect\":\"%s\",\"note\":\"%s%s%s\"}";
    if (!strcmp(how, "schedule")) form = "{\"schedule\":{\"stage\":\"Done\",\"at\":\"%s\"},\"note\":\"%s%s%s\"}";
    if (!strcmp(how, "wait")) form = "{\"wait_until\":\"%s\",\"note\":\"%s%s%s\"}";
    snprintf(answer, sizeof answer, form, token, token, token, token);
    host->done(call, ONWARD_STATUS_OK, TEXT(answer));
}

static void ask_many(uint64_t call, const onward_host_v1 *host, const char *request) {
    struct asked *asked[8];
    int good = 0;
    char words[100];
    for (int i = 0; i < 8; i++) asked[i] = begin_to_ask(call, host, request);
    for (int i = 0; i < 8; i++) {
        wait_for(asked[i]);
        good += asked[i]->status == ONWARD_STATUS_OK;
    }
    snprintf(words, sizeof words, "%d answers", good);
    note(call, host, words);
}

static void perform(struct instance *instance, uint64_t call, const char *input, const onward_host_v1 *host) {
    const char *what = text_of(input, "\"params\":{", "do"), *say = text_of(input, "\"params\":{", "say");
    char words[4000];
#define IS(name) (!strcmp(what, name))
    if (!what) what = "answer";
    if (!say) say = "{}";
    if (IS("answer")) return host->done(call, ONWARD_STATUS_OK, TEXT(say));
    if (IS("error")) return host->done(call, ONWARD_STATUS_ERROR, TEXT(say));
    if (IS("panic")) return host->done(call, ONWARD_STATUS_PANIC, TEXT(say));
    if (IS("input")) return note(call, host, input);
    if (IS("repeat")) return repeat(call, host, say, instance->token ? instance->token : "none");
    if (IS("error-until-third")) {
        if (attempt_of(input) < 3) return host->done(call, ONWARD_STATUS_ERROR, TEXT(say));
        return note(call, host, "the third time");
    }
    if (IS("crash-once")) {
        if (attempt_of(input) < 2) *(volatile int *)0 = 1;
        return note(call, host, "the second time");
    }
    if (IS("segfault")) *(volatile int *)0 = 1;
    if (IS("abort")) abort();
    if (IS("exit")) _exit(7);
    if (IS("hang") || IS("sleep")) host->progress(call, TEXT("it sleeps"));
    if (IS("hang")) for (;;) sleep(1);
    if (IS("sleep")) {
        usleep(atoi(say) * 1000);
        return note(call, host, "slept");
    }
    if (IS("length")) {
        snprintf(words, sizeof words, "instance %d, run %d, a token of %d, ending in %s", instances, ++instance->runs,
                 (int)strlen(instance->token), instance->token + strlen(instance->token) - 2);
        return note(call, host, words);
    }
    if (IS("many")) return ask_many(call, host, say);
    if (IS("http") || IS("authorized")) {
        if (IS("authorized")) {
            snprintf(words, sizeof words, "{\"method\":\"POST\",\"url\":\"%s\",\"body\":\"say %s\",\"headers\":[[\"Authorization\",\"Bearer %s\"],[\"X-Other\",\"%s\"]]}",
                     say, instance->token, instance->token, instance->token);
            say = words;
        }
        struct asked *asked = begin_to_ask(call, host, say);
        wait_for(asked);
        return note(call, host, asked->text);
    }
    if (IS("leave")) {
        pthread_t thread;
        struct asked *asked = begin_to_ask(call, host, say);
        usleep(300000);
        note(call, host, "left");
        pthread_create(&thread, NULL, log_answer, asked);
        return;
    }
    note(call, host, "it does not know what to do");
}

static void run(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    char *document = strndup((const char *)input.ptr, input.len);
    perform(instance, call, document, host);
    free(document);
}

static void *create(uint64_t call, onward_bytes config, const onward_host_v1 *host) {
    struct instance *instance = calloc(1, sizeof *instance);
    (void)call, (void)host;
    __atomic_add_fetch(&instances, 1, __ATOMIC_SEQ_CST);
    instance->config = strndup((const char *)config.ptr, config.len);
    instance->token = text_of(instance->config, "{", "token");
    return instance;
}

static void destroy(void *instance) { free(instance); }

#define TEMPLATE(escaping) "\"type\":\"string\",\"x-onward\":{\"template\":\"" escaping "\"}"
#define DESCRIPTION(id, effects) \
    "{\"id\":\"" id "\",\"title\":\"A tool\",\"category\":\"task\",\"version\":\"1.0.0\",\"effects\":\"" effects "\"," \
    "\"help\":\"# Tool\\nDoes what it is told.\",\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" \
    "\"token\":{\"type\":\"string\",\"x-onward\":{\"secret\":true}},\"label\":{\"type\":\"string\"}}}," \
    "\"params\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" \
    "\"do\":{" TEMPLATE("text") "},\"say\":{" TEMPLATE("text") "}," \
    "\"text\":{" TEMPLATE("text") "},\"url\":{" TEMPLATE("url") "},\"json\":{" TEMPLATE("json") "}," \
    "\"html\":{" TEMPLATE("html") "},\"header\":{" TEMPLATE("header") "}," \
    "\"code\":{" TEMPLATE("text") ",\"pattern\":\"^[0-9]+$\"}," \
    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":8},\"x-onward\":{\"template\":\"text\"}}}}}"

static void describe_tool(uint64_t call, const onward_host_v1 *host) {
    host->done(call, ONWARD_STATUS_OK, TEXT(DESCRIPTION("tool", "external")));
}
static void describe_quiet(uint64_t call, const onward_host_v1 *host) {
    host->done(call, ONWARD_STATUS_OK, TEXT(DESCRIPTION("quiet", "none")));
}

static const onward_step_v1 tool = {sizeof(onward_step_v1), 0, describe_tool, create, run, NULL, destroy};
static const onward_step_v1 quiet = {sizeof(onward_step_v1), 0, describe_quiet, create, run, NULL, destroy};
static const onward_step_v1 *const steps[] = {&tool, &quiet};
static const onward_plugin_v1 plugin = {ONWARD_MAGIC, sizeof(onward_plugin_v1), 0, 2, steps};
ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host) {
    (void)host;
    return &plugin;
}
