import Glibc

/// A range of addresses that becomes memory where it is first written to, and can be given back in part.
///
/// Its pages are large ones where the system has such: activations are read in long strides.
final class AddressRange {
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    /// Reserves the largest power of two of at most `most` bytes that the process may; nil where that is under `least`, as with
    /// a limit on addresses (`ulimit -v`) that is nearly reached.
    init?(most: Int, least: Int) {
        var size = most
        while size >= least {
            let start = mmap(
                nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
            if let start, start != MAP_FAILED {
                madvise(start, size, MADV_HUGEPAGE)
                (base, byteCount) = (start, size)
                return
            }
            size /= 2
        }
        return nil
    }

    deinit { munmap(base, byteCount) }

    /// Gives back the pages that lie between two offsets as a whole. What is read there afterwards is zero.
    func discard(_ offsets: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let (start, end) = ((offsets.lowerBound + page - 1) / page * page, offsets.upperBound / page * page)
        if start < end { madvise(base + start, end - start, MADV_DONTNEED) }
    }
}
