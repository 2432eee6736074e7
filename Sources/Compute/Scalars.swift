import Glibc

extension Float {
    /// e^x, from the system's library.
    package static func exponential(_ x: Float) -> Float { expf(x) }
}
