/* A host that loads a plugin's library and has one of its steps do one thing, so that compilers' sanitizers can watch.
 *
 *     host LIBRARY CONFIG INPUT...
 *
 * It prints what the library's first step says: its description, then an answer for each input, as `STATUS JSON`. The texts are
 * copied to memory of exactly their size, so that reading past them is seen. Without inputs, it makes and destroys an instance. */

#include <onward_plugin.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint64_t ended;

static void done(uint64_t call, uint32_t status, onward_bytes answer) {
    pthread_mutex_lock(&lock);
    printf("%u %.*s\n", status, (int)answer.len, (const char *)answer.ptr);
    ended = call;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void say(uint64_t call, uint32_t level, onward_bytes message) {
    (void)call;
    fprintf(stderr, "log %u %.*s\n", level, (int)message.len, (const char *)message.ptr);
}

static void progress(uint64_t call, onward_bytes message) { say(call, ONWARD_LOG_INFO, message); }

static uint32_t is_cancelled(uint64_t call) {
    (void)call;
    return 0;
}

static uint64_t remaining(uint64_t call) {
    (void)call;
    return ONWARD_NO_DEADLINE;
}

static const void *no_extension(onward_bytes id) {
    (void)id;
    return NULL;
}

static void wait_for(uint64_t call) {
    pthread_mutex_lock(&lock);
    while (ended != call)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* A copy that ends where its memory ends. */
static onward_bytes copied(const char *text) {
    onward_bytes bytes = {NULL, strlen(text)};
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    if (!copy)
        abort();
    memcpy(copy, text, bytes.len);
    bytes.ptr = copy;
    return bytes;
}

int main(int argc, char **argv) {
    static const onward_host_v1 host = {
        .size = sizeof(onward_host_v1), .abi_minor = ONWARD_ABI_MINOR, .done = done, .log = say, .progress = progress,
        .is_cancelled = is_cancelled, .remaining_ns = remaining, .get_extension = no_extension};
    static const uint8_t magic[8] = ONWARD_MAGIC;
    if (argc < 3)
        return 2;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    onward_entry_v1 entry;
    /* C has no cast from an object's pointer to a function's. */
    *(void **)&entry = dlsym(library, ONWARD_ENTRY);
    const onward_plugin_v1 *plugin = entry ? entry(&host) : NULL;
    if (!plugin || memcmp(plugin->magic, magic, 8) != 0 || plugin->n_steps == 0)
        return 4;
    const onward_step_v1 *step = plugin->steps[0];
    uint64_t call = 1;
    step->describe(call, &host);
    wait_for(call);
    onward_bytes config = copied(argv[2]);
    void *instance = step->create(++call, config, &host);
    free((void *)config.ptr);
    for (int at = 3; at < argc && instance; at++) {
        onward_bytes input = copied(argv[at]);
        step->run(instance, ++call, input, &host);
        free((void *)input.ptr);
        wait_for(call);
        if (step->cancel)
            step->cancel(instance, call);
    }
    if (instance)
        step->destroy(instance);
    return 0;
}
