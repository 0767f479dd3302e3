//! What people hear whose text is no TOML.

use expect_test::expect;

use super::messages::told_of_each;

fn field(line: &str) -> String {
    format!(
        "name = \"Orders\"\n[[stages]]\nname = \"Open\"\n[[fields]]\n{line}\n[[actions]]\nname = \"Ship\"\n"
    )
}

#[test]
fn a_value_that_is_none_is_told_what_to_write() {
    told_of_each(
        &[
            "required = null",
            "required = yes",
            "required = False",
            "name = “Amount”",
            "name =",
            "name = Amount",
            "name = \"Amount",
            "name = \"a\\d\"",
            "required = yes\neditable = no\nname = \"A\"",
        ],
        field,
        expect![[r#"
            required = null
            5:12 toml_syntax: there is no `null` in TOML (leave the key out where it has no value)

            required = yes
            5:12 toml_syntax: `yes` is no value (write true)

            required = False
            5:12 toml_syntax: `False` is no value (write false)

            name = “Amount”
            5:8 toml_syntax: the quotes here are not those of TOML (write straight ones: " or ')

            name =
            5:7 toml_syntax: a value is missing behind `=` (write one, or leave the key out)

            name = Amount
            5:8 toml_syntax: `Amount` is no number, no date, not true or false, and no text in quotes (a text stands in quotes: "Amount")

            name = "Amount
            5:15 toml_syntax: the text has no end: its closing `"` is missing (write it in the same line)

            name = "a\d"
            5:11 toml_syntax: in a text between " a backslash begins an escape, and this is none (write \\ for a backslash, or the text between ', where there are no escapes)

            required = yes
            editable = no
            name = "A"
            5:12 toml_syntax: `yes` is no value (write true)
            6:12 toml_syntax: `no` is no value (write false)

        "#]],
    );
}

#[test]
fn keys_spaces_and_brackets_are_told_where_they_are_wrong() {
    told_of_each(
        &[
            "name\u{a0}= \"Amount\"",
            "\u{200b}name = \"Amount\"",
            "name: \"Amount\"",
            "Order Number = 1",
            "name = \"A\", type = \"text\"",
            "name = \"A\"\nname = \"B\"",
            "name = \"A\"\n[fields]",
            "options = [\"A\"",
            "options = [\"A [\", { a = 1, # ]}",
        ],
        field,
        expect![[r#"
            name<U+00A0>= "Amount"
            5:5 toml_syntax: the character U+00A0 stands here, which looks like a space and is none (write a plain space, or nothing, in its place)

            <U+200B>name = "Amount"
            5:1 toml_syntax: the character U+200B stands here, which looks like a space and is none (write a plain space, or nothing, in its place)

            name: "Amount"
            5:5 toml_syntax: `name:` is not how TOML writes a key (write name = and the value behind it)

            Order Number = 1
            5:7 toml_syntax: the key `Order Number` has more than letters, digits, `-` and `_` (write it in quotes: "Order Number")

            name = "A", type = "text"
            5:11 toml_syntax: a comma stands here, between keys that are in no table (write each key on a line of its own)

            name = "A"
            name = "B"
            6:1 toml_syntax: `name` is here a second time (leave one of them out)

            name = "A"
            [fields]
            6:2 toml_syntax: `fields` is there already, as something else (write [[fields]] each time: each is one of a list)

            options = ["A"
            5:11 toml_syntax: this `[` is never closed (write `]` behind what belongs to it)

            options = ["A [", { a = 1, # ]}
            5:19 toml_syntax: this `{` is never closed (write `}` behind what belongs to it)

        "#]],
    );
}

#[test]
fn what_was_not_meant_to_be_toml_is_told_once() {
    let whole = |text: &str| text.to_owned();
    told_of_each(
        &[
            "{\n  \"name\": \"Orders\"\n}",
            "---\nname: Orders",
            "# Orders\nname: Orders\nstages:\n  - name: Open",
            "```toml\nname = \"Orders\"\n```",
            "name = \"Orders\"\n```",
            "[fields]\nname = \"A\"\n[[fields]]\nname = \"B\"",
            "name = \"A\"\nstages = { name = \"Open\" }\n[[stages]]\nname = \"Open\"",
        ],
        whole,
        expect![[r#"
            {
              "name": "Orders"
            }
            1:1 toml_syntax: this is JSON, and not TOML (write key = value, one to a line, and before the keys of each item of a list [[name of the list]])

            ---
            name: Orders
            1:1 toml_syntax: this is YAML, and not TOML (write key = value, one to a line, and before the keys of each item of a list [[name of the list]])

            # Orders
            name: Orders
            stages:
              - name: Open
            2:1 toml_syntax: this is YAML, and not TOML (write key = value, one to a line, and before the keys of each item of a list [[name of the list]])

            ```toml
            name = "Orders"
            ```
            1:1 toml_syntax: a code fence of Markdown stands here (take out the lines with ```)

            name = "Orders"
            ```
            2:1 toml_syntax: a code fence of Markdown stands here (take out the lines with ```)

            [fields]
            name = "A"
            [[fields]]
            name = "B"
            3:3 toml_syntax: [fields] is there already, in line 1 (write [[fields]] there and here: each is one of a list)

            name = "A"
            stages = { name = "Open" }
            [[stages]]
            name = "Open"
            3:3 toml_syntax: `stages` is there already, as something else (write [[stages]] each time: each is one of a list)

        "#]],
    );
}
