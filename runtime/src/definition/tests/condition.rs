//! What broken tests of a custom condition look like.

use expect_test::{Expect, expect};

use super::{check, requires::FIELDS};

/// What a workflow with these tests of one condition looks like.
fn broken_tests(tests: &str, expected: Expect) {
    check(
        &format!("{FIELDS}[[actions.requires.conditions]]\nmessage = \"No\"\nall = [\n{tests}]\n"),
        expected,
    );
}

#[test]
fn unknown_names_are_reported_with_a_suggestion() {
    broken_tests(
        "{ field = \"Prise\", at_least = 1 },\n{ field = \"Assigned\", is_set = true },\n\
         { field = \"Price\", at_lest = 1 },\n{ field = \"Price\", resembles = 1 },\n\
         { field = \"Color\", equals = \"Bleu\" },\n{ field = \"Tags\", contains = \"Nwe\" },\n\
         { field = \"Color\", one_of = [\"Red\", \"Rde\"] },\n{ field = \"Stage\", equals = \"Opne\" },\n",
        expect![[r#"
            error[unknown_field]: there is no field “Prise”
              --> test.toml:40:11
               |
            40 | { field = "Prise", at_least = 1 },
               |           ^^^^^^^
               |
               = help: did you mean “Price”?

            error[unknown_field]: there is no field “Assigned”
              --> test.toml:41:11
               |
            41 | { field = "Assigned", is_set = true },
               |           ^^^^^^^^^^
               |
               = help: did you mean “Assigned To”?

            error[unknown_operator]: there is no operator `at_lest`
              --> test.toml:42:20
               |
            42 | { field = "Price", at_lest = 1 },
               |                    ^^^^^^^
               |
               = help: did you mean `at_least`?

            error[unknown_operator]: there is no operator `resembles`
              --> test.toml:43:20
               |
            43 | { field = "Price", resembles = 1 },
               |                    ^^^^^^^^^
               |
               = help: the operators are is_set, equals, not_equals, one_of, at_least, at_most, more_than, less_than, contains

            error[unknown_option]: there is no option “Bleu”
              --> test.toml:44:29
               |
            44 | { field = "Color", equals = "Bleu" },
               |                             ^^^^^^
               |
               = help: did you mean “Blue”?

            error[unknown_option]: there is no option “Nwe”
              --> test.toml:45:30
               |
            45 | { field = "Tags", contains = "Nwe" },
               |                              ^^^^^
               |
               = help: did you mean “New”?

            error[unknown_option]: there is no option “Rde”
              --> test.toml:46:37
               |
            46 | { field = "Color", one_of = ["Red", "Rde"] },
               |                                     ^^^^^
               |
               = help: did you mean “Red”?

            error[unknown_stage]: there is no stage “Opne”
              --> test.toml:47:29
               |
            47 | { field = "Stage", equals = "Opne" },
               |                             ^^^^^^
               |
               = help: did you mean “Open”?

            8 problems in test.toml"#]],
    );
}

#[test]
fn an_operator_that_the_type_cannot_take_is_reported() {
    broken_tests(
        "{ field = \"Ready?\", at_least = true },\n{ field = \"Ready?\", is_set = true },\n\
         { field = \"Title\", more_than = \"a\" },\n{ field = \"Price\", contains = \"1\" },\n\
         { field = \"Color\", contains = \"R\" },\n{ field = \"Tags\", one_of = [\"New\"] },\n\
         { field = \"Stage\", is_set = true },\n{ field = \"Assigned To\", contains = \"@\" },\n",
        expect![[r#"
            error[wrong_operator]: “Ready?”, of type checkbox, cannot be tested with `at_least`
              --> test.toml:40:21
               |
            40 | { field = "Ready?", at_least = true },
               |                     ^^^^^^^^
               |
               = help: possible for it: equals, not_equals

            error[wrong_operator]: “Ready?”, of type checkbox, cannot be tested with `is_set`
              --> test.toml:41:21
               |
            41 | { field = "Ready?", is_set = true },
               |                     ^^^^^^
               |
               = help: possible for it: equals, not_equals

            error[wrong_operator]: “Title”, of type text, cannot be tested with `more_than`
              --> test.toml:42:20
               |
            42 | { field = "Title", more_than = "a" },
               |                    ^^^^^^^^^
               |
               = help: possible for it: is_set, equals, not_equals, one_of, contains

            error[wrong_operator]: “Price”, of type currency, cannot be tested with `contains`
              --> test.toml:43:20
               |
            43 | { field = "Price", contains = "1" },
               |                    ^^^^^^^^
               |
               = help: possible for it: is_set, equals, not_equals, one_of, at_least, at_most, more_than, less_than

            error[wrong_operator]: “Color”, of type singleSelect, cannot be tested with `contains`
              --> test.toml:44:20
               |
            44 | { field = "Color", contains = "R" },
               |                    ^^^^^^^^
               |
               = help: possible for it: is_set, equals, not_equals, one_of

            error[wrong_operator]: “Tags”, of type multipleSelect, cannot be tested with `one_of`
              --> test.toml:45:19
               |
            45 | { field = "Tags", one_of = ["New"] },
               |                   ^^^^^^
               |
               = help: possible for it: is_set, equals, not_equals, contains

            error[wrong_operator]: “Stage” cannot be tested with `is_set`
              --> test.toml:46:20
               |
            46 | { field = "Stage", is_set = true },
               |                    ^^^^^^
               |
               = help: possible for it: equals, not_equals, one_of

            error[wrong_operator]: “Assigned To” cannot be tested with `contains`
              --> test.toml:47:26
               |
            47 | { field = "Assigned To", contains = "@" },
               |                          ^^^^^^^^
               |
               = help: possible for it: is_set, equals, not_equals, one_of

            8 problems in test.toml"#]],
    );
}

#[test]
fn a_value_that_the_type_cannot_take_is_reported() {
    broken_tests(
        "{ field = \"Price\", at_least = \"much\" },\n{ field = \"Price\", one_of = [1, \"two\", true] },\n\
         { field = \"Price\", equals = 0x99999999999999999999 },\n{ field = \"Price\", equals = inf },\n\
         { field = \"Due\", at_most = \"31.01.2020\" },\n{ field = \"Sent\", at_most = 2020-01-31 },\n\
         { field = \"Ready?\", equals = \"true\" },\n{ field = \"Title\", equals = 5 },\n\
         { field = \"Owner\", equals = \"Jane\" },\n{ field = \"Assigned To\", one_of = [\"a@b.example\", \"me\"] },\n",
        expect![[r#"
            error[invalid_value]: the value for “Price” is invalid: it must be a decimal number of at most 64 digits
              --> test.toml:40:31
               |
            40 | { field = "Price", at_least = "much" },
               |                               ^^^^^^

            error[invalid_value]: the value for “Price” is invalid: it must be a decimal number of at most 64 digits
              --> test.toml:41:33
               |
            41 | { field = "Price", one_of = [1, "two", true] },
               |                                 ^^^^^

            error[invalid_value]: the value for “Price” is invalid: it must be a decimal number of at most 64 digits
              --> test.toml:41:40
               |
            41 | { field = "Price", one_of = [1, "two", true] },
               |                                        ^^^^

            error[invalid_value]: the value for “Price” is invalid: it must be a decimal number of at most 64 digits
              --> test.toml:42:29
               |
            42 | { field = "Price", equals = 0x99999999999999999999 },
               |                             ^^^^^^^^^^^^^^^^^^^^^^

            error[invalid_value]: the value for “Price” is invalid: it must be a decimal number of at most 64 digits
              --> test.toml:43:29
               |
            43 | { field = "Price", equals = inf },
               |                             ^^^

            error[invalid_value]: the value for “Due” is invalid: it must be a date written YYYY-MM-DD
              --> test.toml:44:28
               |
            44 | { field = "Due", at_most = "31.01.2020" },
               |                            ^^^^^^^^^^^^

            error[invalid_value]: the value for “Sent” is invalid: it must be an instant written as in RFC 3339, such as 2020-01-31T09:30:00Z
              --> test.toml:45:29
               |
            45 | { field = "Sent", at_most = 2020-01-31 },
               |                             ^^^^^^^^^^

            error[invalid_value]: the value for “Ready?” is invalid: it must be true or false
              --> test.toml:46:30
               |
            46 | { field = "Ready?", equals = "true" },
               |                              ^^^^^^

            error[invalid_value]: the value for “Title” is invalid: it must be a text
              --> test.toml:47:29
               |
            47 | { field = "Title", equals = 5 },
               |                             ^

            error[invalid_value]: the value for “Owner” is invalid: it must be an email address
              --> test.toml:48:29
               |
            48 | { field = "Owner", equals = "Jane" },
               |                             ^^^^^^

            error[invalid_value]: the value for “Assigned To” is invalid: it must be an email address
              --> test.toml:49:51
               |
            49 | { field = "Assigned To", one_of = ["a@b.example", "me"] },
               |                                                   ^^^^

            11 problems in test.toml"#]],
    );
}

#[test]
fn empty_values_and_wrong_shapes_are_reported() {
    broken_tests(
        "{ field = \"Title\", equals = \"\" },\n{ field = \"Title\", contains = \"\" },\n\
         { field = \"Ready?\", equals = \"\" },\n{ field = \"Tags\", equals = [] },\n\
         { field = \"Tags\", equals = \"New\" },\n{ field = \"Color\", one_of = \"Red\" },\n\
         { field = \"Color\", one_of = [] },\n{ field = \"Title\", is_set = \"yes\" },\n",
        expect![[r#"
            error[invalid_value]: the value for “Title” is empty
              --> test.toml:40:29
               |
            40 | { field = "Title", equals = "" },
               |                             ^^
               |
               = help: `is_set = false` tests for an empty value

            error[invalid_value]: the value for “Title” is empty
              --> test.toml:41:31
               |
            41 | { field = "Title", contains = "" },
               |                               ^^
               |
               = help: `is_set = false` tests for an empty value

            error[invalid_value]: the value for “Ready?” is empty
              --> test.toml:42:30
               |
            42 | { field = "Ready?", equals = "" },
               |                              ^^

            error[missing_key]: `equals` must have at least one value
              --> test.toml:43:28
               |
            43 | { field = "Tags", equals = [] },
               |                            ^^

            error[wrong_type]: `equals` must be a list of values for “Tags”
              --> test.toml:44:28
               |
            44 | { field = "Tags", equals = "New" },
               |                            ^^^^^

            error[wrong_type]: `one_of` must be a list of values for “Color”
              --> test.toml:45:29
               |
            45 | { field = "Color", one_of = "Red" },
               |                             ^^^^^

            error[missing_key]: `one_of` must have at least one value
              --> test.toml:46:29
               |
            46 | { field = "Color", one_of = [] },
               |                             ^^

            error[wrong_type]: `is_set` must be true or false
              --> test.toml:47:29
               |
            47 | { field = "Title", is_set = "yes" },
               |                             ^^^^^

            8 problems in test.toml"#]],
    );
}

#[test]
fn a_test_has_a_field_and_exactly_one_operator() {
    broken_tests(
        "{ field = \"Price\", at_least = 1, at_most = 2 },\n{ field = \"Price\" },\n{ feild = \"Price\", equals = 1 },\n\
         { field = 5, equals = 1 },\n\"Price\",\n",
        expect![[r#"
            error[second_operator]: `at_most` is a second operator; a test has one
              --> test.toml:40:34
               |
            40 | { field = "Price", at_least = 1, at_most = 2 },
               |                                  ^^^^^^^
               |
               = help: write a test for each

            error[missing_key]: the test has no operator
              --> test.toml:41:1
               |
            41 | { field = "Price" },
               | ^^^^^^^^^^^^^^^^^^^
               |
               = help: the operators are is_set, equals, not_equals, one_of, at_least, at_most, more_than, less_than, contains

            error[missing_key]: `field` is missing
              --> test.toml:42:1
               |
            42 | { feild = "Price", equals = 1 },
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error[unknown_operator]: there is no operator `feild`
              --> test.toml:42:3
               |
            42 | { feild = "Price", equals = 1 },
               |   ^^^^^
               |
               = help: did you mean `field`?

            error[wrong_type]: `field` must be a text, and this is of type integer
              --> test.toml:43:11
               |
            43 | { field = 5, equals = 1 },
               |           ^

            error[wrong_type]: `all` must be a list of tables, and this is of type string
              --> test.toml:44:1
               |
            44 | "Price",
               | ^^^^^^^

            6 problems in test.toml"#]],
    );
}
