//! Which field, stage or action a part of a file is: the id that it has, also under a new name.

use super::read::{check_name, id};
use crate::{
    model::{id::slug, text::suggestion},
    toml_file::{At, Problems, Table},
};

/// The parts of one kind that the latest version has, as name and id. `None` where no version is known.
pub(super) struct LatestParts<'a>(Option<Vec<(&'a str, &'a str)>>);

impl<'a> LatestParts<'a> {
    pub(super) fn new<T>(latest: Option<&'a [T]>, part: impl Fn(&'a T) -> (&'a str, &'a str)) -> Self {
        Self(latest.map(|parts| parts.iter().map(part).collect()))
    }

    fn id_of(&self, name: &str) -> Option<String> {
        let found = self.0.iter().flatten().find(|(known, _)| *known == name);
        found.map(|(_, id)| (*id).to_owned())
    }

    /// The id of a part: as written, else of the part that has its name, else of the one that `was` names, else the
    /// slug of its name. The name comes before `was`, so that a file whose `was` has been followed stays as it is.
    pub(super) fn id(
        &self,
        what: &str,
        table: &mut Table<'_>,
        name: Option<&At<String>>,
        problems: &mut Problems,
    ) -> String {
        let was = table.text("was", problems);
        match (table.place("id"), was, name) {
            (Some(_), Some(was), _) => {
                let message = "`id` and `was` both say which one this is";
                let help = Some("leave out `was`: the `id` is enough".to_owned());
                problems.add_with_help("conflicting_keys", was.span, message, help);
            }
            (None, Some(was), Some(name)) if self.are_two(&name.value, &was.value) => {
                self.note_two(what, name, was, problems);
            }
            (None, was, Some(name)) => {
                let found = self.id_of(&name.value).or_else(|| self.renamed(what, was?, problems));
                if let Some(found) = found {
                    check_name(name, problems);
                    // So that it counts as a key of this table.
                    let _ = table.text("id", problems);
                    return found;
                }
            }
            (_, _, _) => {}
        }
        id("id", table, name, problems)
    }

    /// Whether these are the names of two parts of the latest version.
    fn are_two(&self, name: &str, was: &str) -> bool {
        matches!((self.id_of(name), self.id_of(was)), (Some(one), Some(other)) if one != other)
    }

    fn note_two(&self, what: &str, name: &At<String>, was: At<String>, problems: &mut Problems) {
        let message =
            format!("the published version has a {what} “{}” and a {what} “{}”", name.value, was.value);
        let id = self.id_of(&was.value).unwrap_or_default();
        let help = format!(
            "write `id = \"{id}\"` instead, if this one goes on with what “{}” holds; leave out `was`, if with what “{}” does",
            was.value, name.value
        );
        problems.add_with_help("ambiguous_name", was.span, message, Some(help));
    }

    fn renamed(&self, what: &str, was: At<String>, problems: &mut Problems) -> Option<String> {
        let Some(known) = &self.0 else {
            return Some(slug(&was.value)).filter(|slug| !slug.is_empty());
        };
        let found = self.id_of(&was.value);
        if found.is_none() {
            let message = format!("the published version has no {what} “{}”", was.value);
            let hint = suggestion(&was.value, known.iter().map(|(name, _)| *name));
            let help = format!("leave out `was` if this {what} is a new one; {hint}");
            problems.add_with_help("unknown_name", was.span, message, Some(help));
        }
        found
    }
}
