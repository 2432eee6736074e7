import Glibc

/// Keeps other processes from changing a bundle while this one does. It goes with the process, however that ends.
struct FolderLock {
    private static let betweenLooks = Duration.milliseconds(100)

    /// Of a file that exists for this alone.
    let path: String
    let pause: (Duration) -> Void
    let isCancelled: () -> Bool
    /// Called once, where another has it.
    let onWait: () -> Void

    /// Waits for it, and holds it while the body runs.
    func hold<Result>(_ body: () throws(FetchError) -> Result) throws(FetchError) -> Result {
        let descriptor = try take()
        defer {
            // While it is held, so that nobody gets hold of a file that is about to go.
            unlink(path)
            close(descriptor)
        }
        return try body()
    }

    private func take() throws(FetchError) -> Int32 {
        var hasTold = false
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw Disk.failure(path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // Whoever had it may have removed the file meanwhile: then this one guards nothing.
                if isSame(descriptor) { return descriptor }
                close(descriptor)
                continue
            }
            let reason = errno
            close(descriptor)
            guard reason == EWOULDBLOCK || reason == EINTR else {
                throw .system(path: path, reason: String(cString: strerror(reason)))
            }
            if isCancelled() { throw .cancelled }
            if !hasTold { onWait() }
            hasTold = true
            pause(Self.betweenLooks)
        }
    }

    private func isSame(_ descriptor: Int32) -> Bool {
        var (held, named) = (stat(), stat())
        return fstat(descriptor, &held) == 0 && lstat(path, &named) == 0 && held.st_ino == named.st_ino
            && held.st_dev == named.st_dev
    }
}
