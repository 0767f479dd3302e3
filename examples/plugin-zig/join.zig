//! An example of a step plugin in Zig: joins the values of some of a task's fields into one field.
//!
//! The boundary's types are written down here as the header has them, to show how little a language needs for it.

const std = @import("std");
const json = std.json;
const gpa = std.heap.page_allocator;

const Bytes = extern struct {
    ptr: ?[*]const u8,
    len: usize,

    fn of(text: []const u8) Bytes {
        return .{ .ptr = text.ptr, .len = text.len };
    }

    fn slice(bytes: Bytes) []const u8 {
        return if (bytes.ptr) |ptr| ptr[0..bytes.len] else "";
    }
};

/// The first of the host's functions, which is all that this needs.
const Host = extern struct {
    size: u32,
    abi_minor: u32,
    done: ?*const fn (call: u64, status: u32, answer: Bytes) callconv(.c) void,
};

const Step = extern struct {
    size: u32 = @sizeOf(Step),
    flags: u32 = 0,
    describe: *const fn (call: u64, host: *const Host) callconv(.c) void,
    create: *const fn (call: u64, config: Bytes, host: *const Host) callconv(.c) ?*Join,
    run: *const fn (instance: *Join, call: u64, input: Bytes, host: *const Host) callconv(.c) void,
    cancel: ?*const fn (instance: *Join, call: u64) callconv(.c) void = null,
    destroy: *const fn (instance: *Join) callconv(.c) void,
};

const Plugin = extern struct {
    magic: [8]u8 = "ONWARD\x00\x01".*,
    size: u32 = @sizeOf(Plugin),
    abi_minor: u32 = 0,
    n_steps: usize,
    steps: [*]const *const Step,
};

const status_ok = 0;
const status_error = 1;

/// Who the library is, which the server reads before any of it runs.
const about = "{\"name\":\"onward-example-plugin-zig\",\"version\":\"1.0.0\",\"abi\":[1,0],\"target\":\"" ++
    @tagName(@import("builtin").cpu.arch) ++ "-unknown-linux-gnu\"}";

const Note = extern struct {
    owner_bytes: u32 = 7,
    text_bytes: u32 = length,
    type: u32 = 1,
    owner: [8]u8 = "Onward\x00\x00".*,
    text: [length]u8,

    const length = (about.len + 3) / 4 * 4;
};

export const onward_plugin_note: Note linksection(".note.onward") = note: {
    var text: [Note.length]u8 = @splat(0);
    @memcpy(text[0..about.len], about);
    break :note .{ .text = text };
};

const description =
    \\{"id":"example_join","title":"Join fields","category":"task","version":"1.0.0","effects":"none",
    \\ "help":"Writes the values of some fields into one, with a text between them. Empty fields are left out.",
    \\ "examples":[{"title":"An address on one line","config":{"between":", "},
    \\   "params":{"fields":["Street","City"],"into":"Address"}}],
    \\ "config":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,
    \\   "properties":{"between":{"type":"string","maxLength":20,"default":", ","description":"What stands between two values."}}},
    \\ "params":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,
    \\   "required":["fields","into"],"properties":{
    \\     "fields":{"type":"array","minItems":1,"items":{"type":"string"},"description":"The fields whose values are joined."},
    \\     "into":{"type":"string","description":"The field that they are written into.","x-onward":{"widget":"field"}}}}}
;

/// An instance: it is only read, because many runs may be at it at once.
const Join = struct {
    between: []const u8,
};

fn describe(call: u64, host: *const Host) callconv(.c) void {
    done(host, call, status_ok, description);
}

fn done(host: *const Host, call: u64, status: u32, answer: []const u8) void {
    host.done.?(call, status, Bytes.of(answer));
}

/// Ends a call with an error: a code for programs, and a sentence for people.
fn failed(host: *const Host, call: u64, code: []const u8, message: []const u8) void {
    var buffer: [512]u8 = undefined;
    const answer = std.fmt.bufPrint(&buffer, "{{\"code\":\"{s}\",\"message\":\"{s}\"}}", .{ code, message });
    done(host, call, status_error, answer catch "{\"code\":\"failed\",\"message\":\"It has failed.\"}");
}

fn create(call: u64, config: Bytes, host: *const Host) callconv(.c) ?*Join {
    return made(config.slice()) catch {
        failed(host, call, "invalid_config", "The configuration is an object with `between`, a text.");
        return null;
    };
}

fn made(config: []const u8) !*Join {
    const Config = struct { between: []const u8 = ", " };
    const read = try json.parseFromSlice(Config, gpa, config, .{});
    defer read.deinit();
    const between = try gpa.dupe(u8, read.value.between);
    errdefer gpa.free(between);
    const join = try gpa.create(Join);
    join.* = .{ .between = between };
    return join;
}

fn run(join: *Join, call: u64, input: Bytes, host: *const Host) callconv(.c) void {
    var arena = std.heap.ArenaAllocator.init(gpa);
    defer arena.deinit();
    const answer = joined(join, arena.allocator(), input.slice()) catch |problem| return switch (problem) {
        error.NoSuchField => failed(host, call, "no_such_field", "The task has no such field."),
        error.NoText => failed(host, call, "no_text", "A value is no text, and cannot be joined."),
        error.OutOfMemory => failed(host, call, "no_memory", "There is no memory left."),
        else => failed(host, call, "invalid_input", "The input is none: it has a task, and params with `fields` and `into`."),
    };
    done(host, call, status_ok, answer);
}

fn joined(join: *const Join, allocator: std.mem.Allocator, input: []const u8) ![]const u8 {
    const Input = struct {
        task: json.Value,
        params: struct { fields: []const []const u8, into: []const u8 },
    };
    const read = try json.parseFromSliceLeaky(Input, allocator, input, .{ .ignore_unknown_fields = true });
    if (read.task != .object) return error.NoTask;
    var values: std.ArrayList([]const u8) = .empty;
    for (read.params.fields) |field| {
        switch (read.task.object.get(field) orelse return error.NoSuchField) {
            .null => {},
            .string => |text| if (text.len > 0) try values.append(allocator, text),
            else => return error.NoText,
        }
    }
    const text = try std.mem.join(allocator, join.between, values.items);
    const into = try json.Stringify.valueAlloc(allocator, read.params.into, .{});
    const value = try json.Stringify.valueAlloc(allocator, text, .{});
    return std.fmt.allocPrint(allocator, "{{\"task\":{{{s}:{s}}}}}", .{ into, value });
}

fn destroy(join: *Join) callconv(.c) void {
    gpa.free(join.between);
    gpa.destroy(join);
}

const step: Step = .{ .describe = describe, .create = create, .run = run, .destroy = destroy };
const steps = [_]*const Step{&step};
const plugin: Plugin = .{ .n_steps = steps.len, .steps = &steps };

/// The one export. A host whose table ends before `done` cannot be told anything.
export fn onward_plugin_v1_entry(host: *const Host) ?*const Plugin {
    return if (host.size >= @sizeOf(Host) and host.done != null) &plugin else null;
}
