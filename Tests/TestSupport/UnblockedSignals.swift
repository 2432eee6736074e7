package import Glibc

/// For `posix_spawn`: a program that is started so has no signal blocked. Threads that run tests may have signals blocked, which it
/// would inherit.
package func withUnblockedSignals<Result>(_ spawn: (UnsafePointer<posix_spawnattr_t>) throws -> Result) rethrows -> Result {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    return try spawn(&attributes)
}
