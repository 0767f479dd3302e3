/* The boundary between Onward and its step plugins. Made of sdk/src/abi.rs: change that, not this.
 *
 * A plugin exports one function, named ONWARD_ENTRY, and has one note:
 *
 *     ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON("my_plugin", "1.0.0"))
 *
 *     ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host);
 *
 * The JSON documents stand below; the crate onward-sdk has them as types.
 *
 * The boundary itself: what a plugin's library and its host hand to each other. Plain C and UTF-8 JSON, so that any language
 * with C's calling convention can be on either side; `include/onward_plugin.h` is made of this file.
 *
 * Rules of both sides:
 *
 * - **One export.** A library exports ONWARD_ENTRY, and has a note (ONWARD_NOTE_SECTION) that says who it is, which the host reads
 *   before any of the library's code runs.
 * - **Versions.** The major version is in the name of the export. A minor version only appends members to structs: each
 *   begins with its size, as its author's compiler has it. Whoever reads a struct copies as many bytes as both sides know and
 *   takes the rest for absent; nobody takes a reference to a struct of the other side. A member that is a null function is absent.
 * - **Memory.** Neither side frees what the other has allocated. Bytes are borrowed for the one call in which they are handed
 *   over; who needs them longer copies them.
 * - **Calls.** A call id stands for one call of a function that has one. It is never used again, so that what comes late is
 *   known to be late: the host takes the first onward_host_v1.done of a call, and ignores and counts what comes after it.
 * - **Threads.** The host calls `describe`, `create`, `run` and `destroy` on threads of its own on which they may block. `run` may be
 *   called many times at once, for one instance too. `cancel` may be called while `run` runs, and must return soon. It may
 *   come after the call's end, and before `run` was entered: a library that looks at onward_host_v1.is_cancelled when its `run` begins
 *   misses none. `destroy` is called once, after every call of the instance has ended and its `run` has returned. The functions of
 *   onward_host_v1 may be called on any thread, until the library's last call has ended, and do not block.
 * - **Unwinding.** No exception and no panic may leave a function of either side.
 *
 * # Documents
 *
 * All are UTF-8 JSON objects, here with every member, and with comments that are none of them. A member that is said to be "perhaps" there
 * may be left out. Whoever reads one passes over members that it does not know.
 *
 * What `describe` ends its call with:
 *
 * ```jsonc
 * {
 *   "id": "send_letter", // as workflow files name the step type: small letters, digits and `_`; never changed once somebody uses it
 *   "title": "Send a letter", // as people know it
 *   "category": "integration", // with which others it stands: `task`, `timing`, `integration`, or a name of your own
 *   "icon": "<svg xmlns='http://www.w3.org/2000/svg'/>", // perhaps: a small SVG document
 *   "help": "Sends a letter.", // perhaps: Markdown
 *   "examples": [ // perhaps: uses of it to begin from, each with a config and params as the schemas have them
 *     {"title": "To the customer", "config": {"token": "{{secrets.POST}}"}, "params": {"text": "Dear {{Company Name}}"}}
 *   ],
 *   "version": "1.0.0", // of the plugin
 *   "effects": "external", // or "none": it does nothing that another system notices, and may run again after a crash. Where it is left out, it is "external"
 *   "deletes_task": true, // perhaps: a run that succeeded may have deleted the task
 *   "config": { // perhaps: the JSON Schema (draft 2020-12) of what `create` is given, an object; without it there is nothing to configure
 *     "type": "object",
 *     "additionalProperties": false, // so that a misspelt key is noticed
 *     "required": ["token"],
 *     "properties": {
 *       "token": {
 *         "type": "string",
 *         "description": "The key to the post office.", // the help in the form
 *         "x-onward": { // hints, each of them perhaps
 *           "secret": true, // in `config` alone: the workflow names a secret of the server's, `create` is given its value
 *           "group": "Access", // the heading under which it stands
 *           "order": 1, // smaller ones first; 0 where it says nothing
 *           "placeholder": "{{secrets.POST}}",
 *           "showIf": {"kind": "registered"} // shown only while other fields of the same object have these values
 *         }
 *       },
 *       "kind": {"enum": ["registered", "plain"], "default": "plain"}
 *     }
 *   },
 *   "params": { // perhaps: the same of what each run is given
 *     "type": "object",
 *     "additionalProperties": false,
 *     "required": ["text"],
 *     "properties": {
 *       "text": {
 *         "type": "string",
 *         "x-onward": {
 *           "template": "text", // in `params` alone: it may have places such as {{Company Name}}, filled in before each run and escaped for "text" (not at all), "url", "json", "html" or "header"
 *           "widget": "textarea" // how it is entered: "textarea", "code", "password", "radio". What it stands for, too: "stage", "field" and "user" (a name or an email), "fields" (a table by fields), "duration" ("30s" or seconds), "condition" (a list of tests)
 *         }
 *       }
 *     }
 *   }
 * }
 * ```
 *
 * What `create` is given is one object as the schema `config` has it, with the secrets in it.
 *
 * What `run` is given:
 *
 * ```jsonc
 * {
 *   "action": "Finish", // the action that is performed
 *   "user": { // who performs it; of an API key, `first_name` is the key's name, and `email` and `last_name` are null
 *     "id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"
 *   },
 *   "task": { // fields by their names, after these two; numbers are texts as they were entered, dates YYYY-MM-DD, what is empty is null, a checkbox is true or false, a selection of many is a list
 *     "Stage": "Open", "Assigned To": null, "Company Name": "Acme Corp", "Contract Value": "10000.00", "Paid?": false, "Tags": ["a"]
 *   },
 *   "params": {"text": "Dear Acme Corp"}, // as the schema `params` has them
 *   "execution": "01k9", // an id: with the step's it is the same over all tries, a key by which others know a repetition
 *   "attempt": 1, // which try this is
 *   "workflow": {"id": "companies", "name": "Companies", "version": 3},
 *   "step": "step-1", // perhaps: the step's id in its action
 *   "now": "2026-11-28T10:30:00Z", // perhaps: the server's time, in UTC
 *   "today": "2026-11-28", // perhaps: the day in the workspace's time zone
 *   "last_stage": "Open" // perhaps: the stage in which the execution last saw the task
 * }
 * ```
 *
 * What `run` ends its call with where it succeeded; each member perhaps, so that `{}` leaves the task as it is:
 *
 * ```jsonc
 * {
 *   "task": {"Reference": "INV-1", "Note": null}, // fields to change; null empties one
 *   "delete": true, // the task is to go
 *   "wait_until": "2026-12-01T10:30:00Z", // the next step is not to begin before
 *   "schedule": {"stage": "No answer", "at": "2026-12-05T10:30:00Z"}, // the stage is to change later
 *   "expect": "Open", // the stage in which the task must still be, or the step fails
 *   "stop": true, // the action ends here, and has succeeded; not together with `wait_until`
 *   "note": "sent as 42" // shown to people beside the step
 * }
 * ```
 *
 * What `create` and `run` end their call with where they failed, and `describe`, too:
 *
 * ```jsonc
 * {
 *   "code": "no_such_customer", // short and stable, for programs: small letters, digits and `_`
 *   "message": "The post office has no customer 42.", // for the person who clicked: what is wrong, and what to do
 *   "retryable": true, // perhaps: another try may succeed without anybody changing anything
 *   "retry_after": 30, // perhaps: the seconds for which whoever refused asks not to be asked again
 *   "unknown": true, // perhaps: a step of external effects cannot say whether it had them, so that nobody takes its failure for nothing done
 *   "details": {"problems": [{"pointer": "/token", "message": "it has no letters"}]} // perhaps: anything more. Of a configuration that cannot be (`invalid_config`): what is wrong, each with its place as a JSON pointer
 * }
 * ```
 *
 * A request of the extension `http/1`:
 *
 * ```jsonc
 * {
 *   "method": "POST",
 *   "url": "https://post.example/letters",
 *   "headers": [["Content-Type", "text/plain"], ["Idempotency-Key", "01k9.step-1"]], // perhaps
 *   "body": "Dear Acme Corp", // perhaps: a text, or other bytes as `body_base64`
 *   "timeout_ms": 5000 // perhaps: less than what the call has left
 * }
 * ```
 *
 * Its answer, with any HTTP status:
 *
 * ```jsonc
 * {
 *   "status": 200,
 *   "headers": [["Content-Type", "image/png"]], // perhaps
 *   "body_base64": "iVBORw==" // perhaps: bytes, or a text as `body`
 * }
 * ```
 *
 * And where there is none:
 *
 * ```jsonc
 * {
 *   "code": "connect_failed", // such as `timeout` or `refused_address`
 *   "message": "post.example cannot be reached.",
 *   "sent": false // false where the request certainly reached nobody; where it is left out, it is true
 * }
 * ```
 */

#ifndef ONWARD_PLUGIN_H
#define ONWARD_PLUGIN_H
#include <stddef.h>
#include <stdint.h>

/**
 * The version that this crate is for. Within a major version a library of any minor version works with a host of any.
 */
#define ONWARD_ABI_MAJOR 1

/**
 * The newest minor version of ONWARD_ABI_MAJOR that this crate knows.
 */
#define ONWARD_ABI_MINOR 0

/**
 * The type of the note.
 */
#define ONWARD_NOTE_TYPE 1

/**
 * The longest that a note's JSON may be.
 */
#define ONWARD_NOTE_BYTES_MAX 4096

/**
 * How a call has ended: what the bytes of onward_host_v1.done are. A host takes any other number for ONWARD_STATUS_ERROR.
 *
 * Of `describe`: the document that says what the step type is. Of `run`: the answer.
 */
#define ONWARD_STATUS_OK 0

/**
 * A JSON object with `code`, `message` (for the person who clicked), and perhaps `retryable`, `retry_after`, `details`, and `unknown`: true
 * where a step of external effects cannot say whether it had them, so that nobody takes its failure for nothing done.
 */
#define ONWARD_STATUS_ERROR 1

/**
 * What the code had to say when it came to a point that it does not know: a text. The instance is not used again.
 */
#define ONWARD_STATUS_PANIC 2

/**
 * A level of onward_host_v1.log: somebody must act. A host takes a number that it does not know for this one.
 */
#define ONWARD_LOG_ERROR 1

/**
 * A level of onward_host_v1.log: not as it should be.
 */
#define ONWARD_LOG_WARN 2

/**
 * A level of onward_host_v1.log: what was done.
 */
#define ONWARD_LOG_INFO 3

/**
 * A level of onward_host_v1.log: for who looks for a mistake.
 */
#define ONWARD_LOG_DEBUG 4

/**
 * A level of onward_host_v1.log: every move.
 */
#define ONWARD_LOG_TRACE 5

/**
 * What onward_host_v1.remaining_ns says where there is no limit.
 */
#define ONWARD_NO_DEADLINE UINT64_MAX

/**
 * Bytes of somebody else's, UTF-8 unless it is said otherwise: borrowed for the call in which they are handed over.
 */
typedef struct {
    /**
     * May be anything, null too, where `len` is 0.
     */
    const uint8_t *ptr;
    /**
     * How many there are.
     */
    size_t len;
} onward_bytes;

/**
 * What a host offers. It stays where it is as long as the library is loaded.
 */
typedef struct {
    /**
     * Bytes of this struct in the host.
     */
    uint32_t size;
    /**
     * The host's minor version.
     */
    uint32_t abi_minor;
    /**
     * Ends a call. The host has copied the bytes when this returns.
     */
    void (*done)(uint64_t call, uint32_t status, onward_bytes answer);
    /**
     * A line for the host's log. `call` is 0 where it is about none.
     */
    void (*log)(uint64_t call, uint32_t level, onward_bytes message);
    /**
     * How far a call has come, in words for people.
     */
    void (*progress)(uint64_t call, onward_bytes message);
    /**
     * Not 0: nobody wants the call's answer any more.
     */
    uint32_t (*is_cancelled)(uint64_t call);
    /**
     * How long the call may still take, in nanoseconds; 0 where its time is over, ONWARD_NO_DEADLINE where it has no limit.
     */
    uint64_t (*remaining_ns)(uint64_t call);
    /**
     * Something more that a host may offer, by its name and version, such as ONWARD_HTTP; null where it does not. It is a struct that
     * begins with its size, as all do.
     */
    const void *(*get_extension)(onward_bytes id);
} onward_host_v1;

/**
 * One step type.
 */
typedef struct {
    /**
     * Bytes of this struct in the library.
     */
    uint32_t size;
    /**
     * 0: none are known yet.
     */
    uint32_t flags;
    /**
     * Says what the step type is, by `done`.
     */
    void (*describe)(uint64_t call, const onward_host_v1 *host);
    /**
     * Makes an instance for a configuration, a JSON object. Not null: it is made, and `done` is not called. Null: `done` was called
     * with the error. Asked for one step of one version of a workflow, and again when a secret in it has changed.
     */
    void *(*create)(uint64_t call, onward_bytes config, const onward_host_v1 *host);
    /**
     * Runs it once on an input, a JSON object. `done` ends the call, before `run` returns or after it.
     */
    void (*run)(void *instance, uint64_t call, onward_bytes input, const onward_host_v1 *host);
    /**
     * May be absent. Asks a call of `run` to end soon: its time is over, or nobody wants its answer any more.
     */
    void (*cancel)(void *instance, uint64_t call);
    /**
     * Gives an instance back.
     */
    void (*destroy)(void *instance);
} onward_step_v1;

/**
 * What a library offers. It stays where it is as long as the library is loaded.
 */
typedef struct {
    /**
     * ONWARD_MAGIC.
     */
    uint8_t magic[8];
    /**
     * Bytes of this struct in the library.
     */
    uint32_t size;
    /**
     * The library's minor version.
     */
    uint32_t abi_minor;
    /**
     * How many step types there are.
     */
    size_t n_steps;
    /**
     * So many pointers to step types, none of them null.
     */
    const onward_step_v1 *const *steps;
} onward_plugin_v1;

/**
 * The extension ONWARD_HTTP.
 */
typedef struct {
    /**
     * Bytes of this struct in the host.
     */
    uint32_t size;
    /**
     * 0: none are known yet.
     */
    uint32_t flags;
    /**
     * Sends a request for a call: a JSON object with `method`, `url`, and perhaps `headers` (a list of pairs), `body` (a text) or
     * `body_base64`, `timeout_ms`. It returns at once; `answered` is called exactly once, on a thread of the host's, with the `token`, and must
     * return soon. With ONWARD_STATUS_OK: a JSON object with `status`, `headers` and `body` or `body_base64`. With ONWARD_STATUS_ERROR:
     * one with `code`, `message` and `sent`, which is false where the request certainly did not reach anybody.
     */
    void (*send)(uint64_t call, onward_bytes request, void *token, void (*answered)(void *token,
                                                                                    uint32_t status,
                                                                                    onward_bytes answer));
} onward_http_v1;

/**
 * The export. Called once, before everything else. Null: the library cannot be used here, and has said why to the host's log.
 */
typedef const onward_plugin_v1 *(*onward_entry_v1)(const onward_host_v1 *host);

/**
 * The name of a library's one export, an onward_entry_v1.
 */
#define ONWARD_ENTRY "onward_plugin_v1_entry"

/**
 * What onward_plugin_v1.magic is.
 */
#define ONWARD_MAGIC {79, 78, 87, 65, 82, 68, 0, 1}

/**
 * The ELF section of the note: a JSON object with `name` and `version` of the plugin, `abi` (`[1, 0]`), `target` (the triple it was
 * built for), and, where it has them, `sdk` and `compiler`. NULs may follow it: in C, a text's length is known with its end only.
 */
#define ONWARD_NOTE_SECTION ".note.onward"

/**
 * The owner of the note, by its name.
 */
#define ONWARD_NOTE_OWNER "Onward"

/**
 * The extension by which a step calls other servers: through the host's client and under its policy.
 */
#define ONWARD_HTTP "http/1"

/* Whether a host has a function: one of an older minor version may be shorter than this header says. */
#define ONWARD_HOST_HAS(host, function) \
    ((host)->size >= offsetof(onward_host_v1, function) + sizeof((host)->function) && (host)->function)

/* Before the one export: it stays visible where other functions are hidden. */
#if defined(__cplusplus)
#define ONWARD_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define ONWARD_EXPORT __attribute__((visibility("default")))
#endif

/* For what this file is compiled. */
#if defined(__x86_64__)
#define ONWARD_MACHINE_ "x86_64"
#elif defined(__aarch64__)
#define ONWARD_MACHINE_ "aarch64"
#else
#define ONWARD_MACHINE_ "unknown"
#endif
#if defined(__GLIBC__)
#define ONWARD_TARGET ONWARD_MACHINE_ "-unknown-linux-gnu"
#else
#define ONWARD_TARGET ONWARD_MACHINE_ "-unknown-linux-musl"
#endif

/* What a note says: two string literals, the plugin's name and its version, of characters that JSON takes as they are. */
#if defined(__VERSION__)
#define ONWARD_COMPILER_ ",\"compiler\":\"cc " __VERSION__ "\""
#else
#define ONWARD_COMPILER_ ""
#endif
#define ONWARD_NOTE_JSON(name, version) \
    "{\"name\":\"" name "\",\"version\":\"" version "\",\"abi\":[1,0],\"target\":\"" ONWARD_TARGET "\"" ONWARD_COMPILER_ "}"

/* The library's note, of a string literal; it stands once in a library, outside of functions. The NULs that end and fill the text
 * count, and who reads it leaves them out. */
#define ONWARD_PLUGIN_NOTE(json)                                                                  \
    static const struct {                                                                         \
        uint32_t owner_bytes, text_bytes, type;                                                   \
        char owner[8];                                                                            \
        char text[(sizeof(json) + 3) / 4 * 4];                                                    \
    } onward_plugin_note __attribute__((used, aligned(4), section(ONWARD_NOTE_SECTION))) = {      \
        sizeof(ONWARD_NOTE_OWNER), (sizeof(json) + 3) / 4 * 4, ONWARD_NOTE_TYPE, ONWARD_NOTE_OWNER, json};

/* No compiler may lay it out in another way. */
#if defined(__cplusplus)
#define ONWARD_ASSERT_(holds, message) static_assert(holds, message)
#else
#define ONWARD_ASSERT_(holds, message) _Static_assert(holds, message)
#endif
#if UINTPTR_MAX == UINT64_MAX
ONWARD_ASSERT_(sizeof(onward_bytes) == 16, "onward_bytes");
ONWARD_ASSERT_(offsetof(onward_bytes, ptr) == 0, "onward_bytes.ptr");
ONWARD_ASSERT_(offsetof(onward_bytes, len) == 8, "onward_bytes.len");
ONWARD_ASSERT_(sizeof(onward_host_v1) == 56, "onward_host_v1");
ONWARD_ASSERT_(offsetof(onward_host_v1, size) == 0, "onward_host_v1.size");
ONWARD_ASSERT_(offsetof(onward_host_v1, abi_minor) == 4, "onward_host_v1.abi_minor");
ONWARD_ASSERT_(offsetof(onward_host_v1, done) == 8, "onward_host_v1.done");
ONWARD_ASSERT_(offsetof(onward_host_v1, log) == 16, "onward_host_v1.log");
ONWARD_ASSERT_(offsetof(onward_host_v1, progress) == 24, "onward_host_v1.progress");
ONWARD_ASSERT_(offsetof(onward_host_v1, is_cancelled) == 32, "onward_host_v1.is_cancelled");
ONWARD_ASSERT_(offsetof(onward_host_v1, remaining_ns) == 40, "onward_host_v1.remaining_ns");
ONWARD_ASSERT_(offsetof(onward_host_v1, get_extension) == 48, "onward_host_v1.get_extension");
ONWARD_ASSERT_(sizeof(onward_step_v1) == 48, "onward_step_v1");
ONWARD_ASSERT_(offsetof(onward_step_v1, size) == 0, "onward_step_v1.size");
ONWARD_ASSERT_(offsetof(onward_step_v1, flags) == 4, "onward_step_v1.flags");
ONWARD_ASSERT_(offsetof(onward_step_v1, describe) == 8, "onward_step_v1.describe");
ONWARD_ASSERT_(offsetof(onward_step_v1, create) == 16, "onward_step_v1.create");
ONWARD_ASSERT_(offsetof(onward_step_v1, run) == 24, "onward_step_v1.run");
ONWARD_ASSERT_(offsetof(onward_step_v1, cancel) == 32, "onward_step_v1.cancel");
ONWARD_ASSERT_(offsetof(onward_step_v1, destroy) == 40, "onward_step_v1.destroy");
ONWARD_ASSERT_(sizeof(onward_plugin_v1) == 32, "onward_plugin_v1");
ONWARD_ASSERT_(offsetof(onward_plugin_v1, magic) == 0, "onward_plugin_v1.magic");
ONWARD_ASSERT_(offsetof(onward_plugin_v1, size) == 8, "onward_plugin_v1.size");
ONWARD_ASSERT_(offsetof(onward_plugin_v1, abi_minor) == 12, "onward_plugin_v1.abi_minor");
ONWARD_ASSERT_(offsetof(onward_plugin_v1, n_steps) == 16, "onward_plugin_v1.n_steps");
ONWARD_ASSERT_(offsetof(onward_plugin_v1, steps) == 24, "onward_plugin_v1.steps");
ONWARD_ASSERT_(sizeof(onward_http_v1) == 16, "onward_http_v1");
ONWARD_ASSERT_(offsetof(onward_http_v1, size) == 0, "onward_http_v1.size");
ONWARD_ASSERT_(offsetof(onward_http_v1, flags) == 4, "onward_http_v1.flags");
ONWARD_ASSERT_(offsetof(onward_http_v1, send) == 8, "onward_http_v1.send");
#endif

#endif /* ONWARD_PLUGIN_H */
