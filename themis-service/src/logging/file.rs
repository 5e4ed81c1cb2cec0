//! The log file. It is opened anew when it was moved or removed, as oslo.log does it: logrotate needs neither `copytruncate`
//! nor a signal, and no line is lost.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A file that is looked at before each line, which costs about a microsecond.
#[derive(Debug)]
pub(super) struct WatchedFile {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Device and inode.
    place: (u64, u64),
}

impl Open {
    fn new(path: &PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let about = file.metadata()?;
        let place = (about.dev(), about.ino());
        Ok(Self { file, place })
    }
}

impl WatchedFile {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let open = Mutex::new(Open::new(&path)?);
        Ok(Self { path, open })
    }

    /// The file that bears the name now; the old one while there can be no new one.
    fn current(&self) -> MutexGuard<'_, Open> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let place = std::fs::metadata(&self.path).map(|about| (about.dev(), about.ino()));
        if !place.is_ok_and(|place| place == open.place)
            && let Ok(anew) = Open::new(&self.path)
        {
            *open = anew;
        }
        open
    }
}

/// One line at a time.
#[derive(Debug)]
pub(super) struct Line<'a>(&'a WatchedFile);

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.current().file.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.current().file.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for WatchedFile {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_that_was_moved_or_whose_directory_is_away_loses_no_line() {
        let directory = std::env::temp_dir().join(format!("themis-log-{}", std::process::id()));
        let other = directory.with_extension("away");
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("x.log");
        let file = WatchedFile::open(path.clone()).unwrap();
        let say = |line: &str| file.make_writer().write_all(line.as_bytes()).unwrap();
        say("a\n");
        std::fs::rename(&path, directory.join("x.log.1")).unwrap();
        say("b\n");
        std::fs::remove_file(&path).unwrap();
        say("c\n");
        std::fs::rename(&directory, &other).unwrap();
        say("d\n");
        std::fs::rename(&other, &directory).unwrap();
        say("e\n");
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
        assert_eq!((read("x.log.1").as_str(), read("x.log").as_str()), ("a\n", "c\nd\ne\n"));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
