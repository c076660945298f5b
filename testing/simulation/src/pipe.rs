use std::collections::VecDeque;

/// One direction of a socket: bytes arrive in order, some time after they were sent, and only so many can be on their way.
pub(crate) struct Pipe {
    chunks: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
    bytes_max: usize,
    latency_ms: u64,
}

impl Pipe {
    pub(crate) fn new(bytes_max: usize, latency_ms: u64) -> Self {
        Self { chunks: VecDeque::new(), bytes: 0, bytes_max, latency_ms }
    }

    /// Takes as many bytes as there is room for.
    pub(crate) fn write(&mut self, bytes: &[u8], now_ms: u64) -> usize {
        let taken = bytes.len().min(self.room());
        if taken > 0 {
            self.bytes += taken;
            self.chunks.push_back((now_ms + self.latency_ms, bytes[..taken].to_vec()));
        }
        taken
    }

    pub(crate) fn room(&self) -> usize {
        self.bytes_max - self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Takes what has arrived, at most so many bytes.
    pub(crate) fn read(&mut self, bytes_max: usize, now_ms: u64) -> Vec<u8> {
        let mut read = Vec::new();
        while let Some((due_ms, chunk)) = self.chunks.front_mut() {
            if *due_ms > now_ms || read.len() == bytes_max {
                break;
            }
            let taken = chunk.len().min(bytes_max - read.len());
            read.extend(chunk.drain(..taken));
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
        self.bytes -= read.len();
        read
    }

    /// Loses everything on its way but the first bytes.
    pub(crate) fn lose_all_but(&mut self, kept: usize) {
        let mut all: Vec<u8> = self.chunks.drain(..).flat_map(|(_, chunk)| chunk).collect();
        all.truncate(kept);
        self.bytes = all.len();
        if !all.is_empty() {
            self.chunks.push_back((0, all));
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// From now on the pipe is fast and wide.
    pub(crate) fn heal(&mut self) {
        self.latency_ms = 1;
        self.bytes_max = self.bytes_max.max(1 << 20);
    }
}
