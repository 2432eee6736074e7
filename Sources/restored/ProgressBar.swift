import Restoration
import Synchronization

/// One line on a terminal that shows how far a restoration is.
///
/// The mutex guards what was drawn last.
final class ProgressBar: Sendable {
    private static let width = 30

    private let name: String
    private let isShown: Bool
    private let last = Mutex("")

    /// - Parameter isShown: false where standard error is no terminal.
    init(name: String, isShown: Bool) {
        self.name = name
        self.isShown = isShown
    }

    func show(_ progress: RestorationProgress) {
        guard isShown else { return }
        switch progress {
        case .queued(let position): draw("\(name): waiting behind \(position)")
        case .running(let completed, let total, let remaining):
            let filled = total > 0 ? min(Self.width, Self.width * completed / total) : 0
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
            let rest = remaining.map { " \(Int(max(0, min($0.rounded(.up), 86_400)))) s left" } ?? ""
            draw("\(name): [\(bar)] \(completed)/\(total)\(rest)")
        }
    }

    /// Leaves the line empty for what comes next.
    func clear() {
        guard isShown else { return }
        draw("")
        StandardError.write("\r")
    }

    private func draw(_ text: String) {
        last.withLock { last in
            guard text != last else { return }
            let blanks = String(repeating: " ", count: max(0, last.count - text.count))
            StandardError.write("\r\(text)\(blanks)")
            last = text
        }
    }
}
