import CSystem

/// Memory that was freed and that the allocator still has.
package enum FreedMemory {
    /// Gives whole pages of it back to the system: for when much is freed that nothing of its size follows, such as the
    /// weights of a bundle. Takes as long as there is memory to look through.
    package static func giveBack() {
        #if canImport(Glibc)
        _ = malloc_trim(0)
        #endif
    }
}
