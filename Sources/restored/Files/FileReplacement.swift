import Glibc

/// Writes a file beside its place and then renames it, so that nobody ever sees half of it.
enum FileReplacement {
    /// Attempts to find a name that is free.
    private static let attempts = 16

    /// A new file gets the permissions that the process gives (umask); one that was there keeps its own, and its owner where
    /// the process may give files away.
    ///
    /// - Parameter path: no link.
    /// - Throws: `SystemFault`; the place is as it was then.
    static func write(_ bytes: [UInt8], to path: FilePath) throws(SystemFault) {
        let former = try FileStatus.of(path)
        var temporary = unusedName(beside: path)
        for attempt in 1... {
            do throws(SystemFault) {
                try make(temporary, bytes, like: former)
                break
            } catch where error.number == EEXIST && attempt < attempts {
                temporary = unusedName(beside: path)
            }
        }
        let result = temporary.withCString { from in path.withCString { rename(from, $0) } }
        guard result == 0 else {
            let fault = SystemFault.last
            remove(temporary)
            throw fault
        }
    }

    /// Makes a whole file, or none.
    private static func make(_ path: FilePath, _ bytes: [UInt8], like former: FileStatus?) throws(SystemFault) {
        let file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode: former == nil ? 0o666 : 0o600)
        do throws(SystemFault) {
            try file.write(bytes)
            if let former {
                // Only root may give files away; whoever may not becomes the owner.
                _ = fchown(file.descriptor, former.user, former.group)
                guard fchmod(file.descriptor, former.mode) == 0 else { throw .last }
            }
            // Some file systems say only now that there is no room.
            try file.synchronise()
        } catch {
            remove(path)
            throw error
        }
    }

    private static func unusedName(beside path: FilePath) -> FilePath {
        let number = String(UInt64.random(in: .min ... .max), radix: 36)
        return path.folder.appending(Array(".restored-\(number)".utf8))
    }

    private static func remove(_ path: FilePath) {
        _ = path.withCString { unlink($0) }
    }
}
