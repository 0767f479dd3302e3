//! Which files of a folder are workflow files, and which look as if they were meant to be.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::PublishError;
use crate::{
    lint::{Finding, Part},
    model::text::closest,
    toml_file::Unreadable,
};

const EXTENSION: &str = "toml";

/// The folder's workflow files, in the order of their names: each `*.toml` but for hidden ones, which are locks and
/// copies that editors and sync programs make.
pub(super) fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, PublishError> {
    let paths = visible(folder).map_err(|error| PublishError::File {
        path: folder.to_owned(),
        problem: Unreadable::new(format!(
            "the folder of workflow files cannot be read: {error}; make it, or name another one with `workflows.folder`"
        )),
    })?;
    Ok(paths.into_iter().filter(|path| is_workflow_file(path)).collect())
}

/// What is no workflow file and yet looks as if it was meant to be one, each with what to do.
pub fn left_out(folder: &Path) -> Vec<(PathBuf, Finding)> {
    let paths = visible(folder).unwrap_or_default().into_iter().filter(|path| !is_workflow_file(path));
    paths.filter_map(|path| reason(&path).map(|found| (path, found))).collect()
}

/// Everything in a folder that is not hidden, in the order of the names.
fn visible(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_workflow_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

fn reason(path: &Path) -> Option<Finding> {
    let (reason, remedy) = if path.is_dir() {
        let has_any = toml_files(path).is_ok_and(|files| !files.is_empty());
        has_any.then_some((
            "folders within the folder of workflow files are not looked into",
            "put its files into the folder itself, or name another folder in `workflows.folder`",
        ))?
    } else {
        looks_meant(path).then_some((
            "it is not read: a workflow file's name ends in `.toml`, in lower case",
            "rename it, or leave it if it is no workflow file",
        ))?
    };
    let (reason, remedy) = (reason.to_owned(), remedy.to_owned());
    Some(Finding { code: "file_left_out", action: None, step: None, part: Part::Whole, reason, remedy })
}

/// `x.TOML`, `x.tml`, `x.toml.txt`; not the copies that editors leave: `x.toml~`, `x.toml.bak`.
fn looks_meant(path: &Path) -> bool {
    let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else { return false };
    let is_text_of_one = extension.eq_ignore_ascii_case("txt")
        && path.file_stem().is_some_and(|stem| is_workflow_file(Path::new(stem)));
    is_text_of_one || !extension.ends_with('~') && closest(extension, [EXTENSION]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_are_no_workflow_files_and_what_looks_meant_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in
            [".hid.toml", "README.md", "a.toml", "b.TOML", "c.tml", "d.toml.txt", "e.toml~", "f.toml.bak"]
        {
            fs::write(at(name), "").expect("written");
        }
        for (name, file) in [("more", "more/g.toml"), ("notes", "notes/README.md"), (".git", ".git/h.toml")] {
            fs::create_dir(at(name)).expect("a folder");
            fs::write(at(file), "").expect("written");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("me@here.1234", at(".#a.toml")).expect("a lock such as Emacs makes");
        let names = |paths: Vec<PathBuf>| -> Vec<_> {
            paths
                .iter()
                .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names(toml_files(folder.path()).expect("the files")), ["a.toml"]);
        let (told, findings): (_, Vec<_>) = left_out(folder.path()).into_iter().unzip();
        assert_eq!(names(told), ["b.TOML", "c.tml", "d.toml.txt", "more"]);
        assert!(
            findings[0].reason.contains("in lower case") && findings[3].reason.contains("not looked into")
        );
    }
}
