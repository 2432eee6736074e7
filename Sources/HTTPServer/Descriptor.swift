/// Owns a file descriptor and closes it when it goes.
struct Descriptor: ~Copyable {
    let number: Int32
    private let closeCall: @Sendable (Int32) -> Void

    /// - Parameter number: open, and owned by no one else.
    init(_ number: Int32, system: SystemCalls) {
        self.number = number
        closeCall = system.close
    }

    deinit {
        closeCall(number)
    }
}
