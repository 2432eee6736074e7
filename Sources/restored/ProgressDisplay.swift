import Engine
import Synchronization

/// One line on a terminal that shows how far all files are.
///
/// The mutex guards what is known of each file, and the line drawn last.
final class ProgressDisplay: Sendable {
    private struct State {
        /// Of each file that was begun: 0...1.
        var shares: [Int: Double] = [:]
        var ended = 0
        var line = ""
    }

    private static let width = 30

    private let files: Int
    private let isShown: Bool
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    /// - Parameter isShown: false where standard error is no terminal.
    init(files: Int, isShown: Bool) {
        self.files = files
        self.isShown = isShown
    }

    func show(_ progress: RestorationProgress, ofFile index: Int) {
        guard isShown else { return }
        state.withLock { state in
            if case .running(let completed, let total, _) = progress, total > 0 {
                state.shares[index] = Double(completed) / Double(total)
            }
            draw(&state)
        }
    }

    /// A file is done or given up: what is printed about it stands on a line of its own.
    func end(ofFile index: Int, printing: () -> Void) {
        state.withLock { state in
            state.shares[index] = 1
            state.ended += 1
            clear(&state)
            printing()
            if state.ended < files { draw(&state) }
        }
    }

    private func draw(_ state: inout State) {
        guard isShown else { return }
        let share = min(1, state.shares.values.reduce(0, +) / Double(files))
        let filled = Int(Double(Self.width) * share)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        var line = "[\(bar)] \(Int(share * 100)) %"
        if files > 1 { line += ", \(state.ended) of \(files) files" }
        if share > 0.02 {
            let seconds = (ContinuousClock.now - start) / .seconds(1) * (1 - share) / share
            line += ", \(Int(min(seconds.rounded(.up), 999_999))) s left"
        }
        guard line != state.line else { return }
        let blanks = String(repeating: " ", count: max(0, state.line.count - line.count))
        StandardError.write("\r\(line)\(blanks)")
        state.line = line
    }

    /// Leaves the line empty for what comes next.
    private func clear(_ state: inout State) {
        guard isShown, !state.line.isEmpty else { return }
        StandardError.write("\r" + String(repeating: " ", count: state.line.count) + "\r")
        state.line = ""
    }
}
