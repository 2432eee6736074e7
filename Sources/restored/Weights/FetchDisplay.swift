import Bundles

/// Shows how far a fetch is: one line on a terminal, with the rate and the time left; else a line a file.
///
/// Used by one thread, the one that fetches.
final class FetchDisplay {
    private static let width = 30
    /// Between two drawings.
    private static let interval = Duration.milliseconds(200)
    /// The rate is that of the last so many drawings.
    private static let window = 50

    private let isTerminal: Bool
    private var line = ""
    private var file = ""
    private var drawn: ContinuousClock.Instant?
    private var samples: [(at: ContinuousClock.Instant, bytes: Int)] = []

    init(isTerminal: Bool = StandardError.isTerminal) { self.isTerminal = isTerminal }

    func show(_ progress: FetchProgress) {
        switch progress {
        case .waiting: say("another process works on this bundle; waiting for it")
        case .converting: say("converting")
        case .receiving(let receiving):
            if receiving.file != file {
                file = receiving.file
                let size = receiving.total.map { ", \(CatalogueListing.size($0))" } ?? ""
                let start = receiving.received > 0 ? ", going on after \(CatalogueListing.size(receiving.received))" : ""
                say("fetching \(file)\(size)\(start)")
            }
            if isTerminal { draw(receiving) }
        }
    }

    /// A line of its own.
    func say(_ text: String) {
        clear()
        StandardError.write(text + "\n")
    }

    func clear() {
        guard !line.isEmpty else { return }
        StandardError.write("\r" + String(repeating: " ", count: line.count) + "\r")
        line = ""
    }

    private func draw(_ receiving: FetchProgress.Receiving) {
        let now = ContinuousClock.now
        let isEnd = receiving.received == receiving.total
        if let drawn, now - drawn < Self.interval, !isEnd { return }
        drawn = now
        samples.append((now, receiving.receivedOfAll))
        if samples.count > Self.window { samples.removeFirst() }
        let share = min(1, Double(receiving.receivedOfAll) / Double(max(1, receiving.totalOfAll)))
        let filled = Int(Double(Self.width) * share)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        var text = "[\(bar)] \(Int(share * 100)) %, \(CatalogueListing.size(receiving.receivedOfAll))"
        if let rate = bytesPerSecond, rate > 0 {
            text += ", \(CatalogueListing.size(Int(min(rate, 1e12))))/s"
            let seconds = Double(max(0, receiving.totalOfAll - receiving.receivedOfAll)) / rate
            text += ", \(Self.time(seconds)) left"
        }
        let blanks = String(repeating: " ", count: max(0, line.count - text.count))
        StandardError.write("\r\(text)\(blanks)")
        line = text
    }

    private var bytesPerSecond: Double? {
        guard let first = samples.first, let last = samples.last else { return nil }
        let seconds = (last.at - first.at) / .seconds(1)
        return seconds > 0 ? Double(last.bytes - first.bytes) / seconds : nil
    }

    private static func time(_ seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(.up), 999_999))
        return whole < 120 ? "\(whole) s" : "\((whole + 30) / 60) min"
    }
}
