//! The command line refuses what the API refuses.

use crate::support::Project;

#[test]
fn what_is_no_name_no_email_no_scope_and_no_workflow_is_refused() {
    let project = Project::bare();
    let long = "x".repeat(101);
    let user = |email, first, last| {
        vec!["user", "add", "--email", email, "--first-name", first, "--last-name", last]
    };
    for (arguments, why) in [
        (user("nobody", "A", "B"), "--email: `nobody` is no email"),
        (user("a@example.com", " ", "B"), "--first-name takes 1 to 100 printable characters"),
        (user("a@example.com", "A", &long), "--last-name takes 1 to 100 printable characters"),
        (vec!["key", "add", &long], "NAME takes 1 to 100 printable characters"),
        (
            vec!["key", "add", "k", "--scope", "reed"],
            "--scope: there is no `reed`; there are read, edit, perform, administer",
        ),
        (vec!["key", "add", "k", "--workflow", "nowhere"], "there is no workflow `nowhere`"),
    ] {
        let said = project.refused_command(&arguments);
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    assert_eq!(project.command(&["key", "list"]).trim(), "no keys");
    // Spaces around an email are no part of it: it could never be signed in with.
    project.command(&user(" a@example.com ", "A", "B"));
    assert!(project.refused_command(&user("a@example.com", "A", "B")).contains("a@example.com"));
}
