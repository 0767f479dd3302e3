/* A plugin whose parts can be put in by name; what is not, is as it should be. */
#define _GNU_SOURCE
#include <onward_plugin.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT(text) ((onward_bytes){(const uint8_t *)(text), strlen(text)})

#ifndef NAME
#define NAME "test"
#endif
ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON(NAME, "1.0.0"))

#ifndef ID
#define ID "first"
#endif
#ifndef DESCRIBE
#define DESCRIBE host->done(call, ONWARD_STATUS_OK, TEXT("{\"id\":\"" ID "\",\"title\":\"T\",\"category\":\"task\",\"version\":\"1\"}"))
#endif
#ifndef CREATE
#define CREATE return malloc(1)
#endif
#ifndef RUN
#define RUN host->done(call, ONWARD_STATUS_OK, TEXT("{\"note\":\"done\"}"))
#endif
#ifndef DESTROY
#define DESTROY free(instance)
#endif
#ifndef LATER
#define LATER usleep(300000)
#endif
#ifdef CANCEL
#define STEP {sizeof(onward_step_v1), 0, describe, create, run, cancel, destroy}
#endif
#ifndef STEP
#define STEP {sizeof(onward_step_v1), 0, describe, create, run, NULL, destroy}
#endif
#ifndef STEPS
#define STEPS &step
#endif
#ifndef COUNT
#define COUNT 1
#endif
#ifndef TABLE
#define TABLE {ONWARD_MAGIC, sizeof(onward_plugin_v1), 0, COUNT, steps}
#endif
#ifndef ENTRY
#define ENTRY return &plugin
#endif

/* How often each was called. */
static int creates, cancels, destroys;
static int counted(int *count) { return __atomic_load_n(count, __ATOMIC_SEQ_CST); }

/* Ends a call with a note. */
#define SAY(...) do { \
        char words[1000], answer[1100]; \
        snprintf(words, sizeof words, __VA_ARGS__); \
        snprintf(answer, sizeof answer, "{\"note\":\"%s\"}", words); \
        host->done(call, ONWARD_STATUS_OK, TEXT(answer)); \
    } while (0)

/* Whether the input has a word. */
#define HAS(word) (memmem(input.ptr, input.len, word, strlen(word)) != NULL)

/* The socket of the process, which is none of a plugin's business. */
static int connection(void) {
    for (int number = 3; number < 100; number++) {
        struct stat found;
        if (!fstat(number, &found) && S_ISSOCK(found.st_mode)) return number;
    }
    return -1;
}
static void send_bytes(const char *bytes, size_t count) { if (write(connection(), bytes, count) < 0) abort(); }

/* Uses up the stack. */
static int deep(int number) {
    volatile char room[4096];
    memset((char *)room, number, sizeof room);
    return number ? deep(number + 1) + room[0] : 0;
}

static void touch(const char *path) { close(open(path, O_CREAT | O_WRONLY, 0600)); }

/* A request that is waited for. */
struct asked {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    int answers;
    uint32_t status;
    char text[4000];
};
static void answered(void *token, uint32_t status, onward_bytes answer) {
    struct asked *asked = token;
    pthread_mutex_lock(&asked->lock);
    asked->answers++;
    asked->status = status;
    snprintf(asked->text, sizeof asked->text, "%.*s", (int)answer.len, (const char *)answer.ptr);
    pthread_cond_signal(&asked->arrived);
    pthread_mutex_unlock(&asked->lock);
}
static struct asked *begin_to_ask(uint64_t call, const onward_host_v1 *host, const char *request) {
    struct asked *asked = calloc(1, sizeof *asked);
    pthread_mutex_init(&asked->lock, NULL);
    pthread_cond_init(&asked->arrived, NULL);
    const onward_http_v1 *http = host->get_extension(TEXT(ONWARD_HTTP));
    http->send(call, TEXT(request), asked, answered);
    return asked;
}
static void wait_for(struct asked *asked) {
    pthread_mutex_lock(&asked->lock);
    while (!asked->answers) pthread_cond_wait(&asked->arrived, &asked->lock);
    pthread_mutex_unlock(&asked->lock);
}
/* Sends a request, and ends the call with what came. */
static void ask(uint64_t call, const onward_host_v1 *host, const char *request) {
    struct asked *asked = begin_to_ask(call, host, request);
    wait_for(asked);
    if (asked->status == ONWARD_STATUS_OK) SAY("answered");
    else host->done(call, ONWARD_STATUS_ERROR, TEXT(asked->text));
}
#define REQUEST "{\"method\":\"GET\",\"url\":\"http://127.0.0.1/\"}"

static const onward_host_v1 *kept;
static uint64_t kept_call;
static void *later(void *unused) {
    (void)unused;
    LATER;
    kept->done(kept_call, ONWARD_STATUS_OK, TEXT("{\"note\":\"from another thread\"}"));
    return NULL;
}
static void from_another_thread(uint64_t call, const onward_host_v1 *host) {
    pthread_t thread;
    kept = host;
    kept_call = call;
    pthread_create(&thread, NULL, later, NULL);
}
#ifdef FUNCTIONS
FUNCTIONS
#endif
static void describe(uint64_t call, const onward_host_v1 *host) { (void)call, (void)host, (void)later; DESCRIBE; }
static void *create(uint64_t call, onward_bytes config, const onward_host_v1 *host) {
    (void)call, (void)config, (void)host;
    __atomic_add_fetch(&creates, 1, __ATOMIC_SEQ_CST);
    CREATE;
}
#ifdef CANCEL
static void cancel(void *instance, uint64_t call) {
    (void)instance, (void)call;
    __atomic_add_fetch(&cancels, 1, __ATOMIC_SEQ_CST);
    CANCEL;
}
#endif
#ifdef FUNCTIONS
FUNCTIONS
#endif
#ifdef STUCK
/* Neither ends, and neither does what asks it to. */
static void cancel(void *instance, uint64_t call) { (void)instance, (void)call; for (;;) sleep(1); }
#undef RUN
#define RUN for(;;)sleep(1)
#undef STEP
#define STEP {sizeof(onward_step_v1), 0, describe, create, run, cancel, destroy}
#endif
static void run(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host) {
    (void)instance, (void)call, (void)input, (void)host, (void)from_another_thread;
    RUN;
}
static void destroy(void *instance) {
    __atomic_add_fetch(&destroys, 1, __ATOMIC_SEQ_CST);
    DESTROY;
}
static const onward_step_v1 step = STEP;
static const onward_step_v1 *const steps[] = {STEPS};
static const onward_plugin_v1 plugin = TABLE;
ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host) { (void)host, (void)plugin; ENTRY; }
