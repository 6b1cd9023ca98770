use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, MakeWriter},
    util::SubscriberInitExt,
};

/// What the nodes of this thread log from now on: the tasks of a test's runtime, but not what they do on other threads.
#[derive(Debug)]
pub struct Journal {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Journal {
    /// Begins to note what is logged.
    pub fn begin() -> Self {
        let text = Text::default();
        let subscriber = fmt::Subscriber::builder()
            .with_env_filter(EnvFilter::new("postern_node=info"))
            .with_writer(text.clone())
            .with_ansi(false)
            .finish();
        Self { text, _guard: subscriber.set_default() }
    }

    /// Whether one line has all these words.
    pub fn says(&self, words: &[&str]) -> bool {
        let text = self.text.lock();
        String::from_utf8_lossy(&text).lines().any(|line| words.iter().all(|word| line.contains(word)))
    }
}

impl Text {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Text {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
