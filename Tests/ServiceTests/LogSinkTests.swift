import Dispatch
import Glibc
import Service
import Testing

@Suite struct LogSinkTests {
    private static let sentBytes = 300_000

    private func openPipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private func sendMoreThanAPipeHolds(to sink: LogSink) {
        let line = String(repeating: "x", count: 99) + "\n"
        for _ in 0..<Self.sentBytes / line.utf8.count { sink.send(line) }
    }

    /// - Returns: how many bytes were read, at least those sent.
    private func receiveAll(from descriptor: Int32) throws -> Int {
        var received = 0
        var buffer = [UInt8](repeating: 0, count: 10_000)
        while received < Self.sentBytes {
            let count = read(descriptor, &buffer, buffer.count)
            try #require(count > 0)
            received += count
        }
        return received
    }

    @Test func linesOfManySendersAreWrittenOnceEachAndThoseOfOneInOrder() async {
        let lines = LineCollector()
        let sink = LogSink { lines.add($0) }
        await withTaskGroup { group in
            for sender in 0..<8 {
                group.addTask { for number in 0..<1000 { sink.send("\(sender) \(number)\n") } }
            }
        }
        sink.flush(within: .seconds(20))
        for sender in 0..<8 {
            #expect(lines.all.filter { $0.hasPrefix("\(sender) ") } == (0..<1000).map { "\(sender) \($0)\n" })
        }
        #expect(lines.all.count == 8000)
    }

    @Test func linesBeyondTheLongestBacklogAreLostAndCounted() {
        let lines = LineCollector()
        let gate = DispatchSemaphore(value: 0)
        let sink = LogSink {
            gate.wait()
            lines.add($0)
            gate.signal()
        }
        for number in 0..<(LogSink.longestBacklog + 25) { sink.send("\(number)\n") }
        #expect(lines.all.isEmpty)
        gate.signal()
        sink.flush(within: .seconds(20))
        #expect(lines.all.prefix(LogSink.longestBacklog) == ArraySlice((0..<LogSink.longestBacklog).map { "\($0)\n" }))
        #expect(lines.all.count == LogSink.longestBacklog + 1)
        #expect(lines.all.last?.contains("25 log lines were lost") == true)
        sink.send("after\n")
        sink.flush(within: .seconds(20))
        #expect(lines.all.last == "after\n")
    }

    @Test(arguments: [LogFormat.text, .json])
    func theLineAboutLostLinesHasTheLogsFormAndATime(format: LogFormat) throws {
        let lines = LineCollector()
        let gate = DispatchSemaphore(value: 0)
        let sink = LogSink(format: format) {
            gate.wait()
            lines.add($0)
            gate.signal()
        }
        for number in 0..<(LogSink.longestBacklog + 3) { sink.send("\(number)\n") }
        gate.signal()
        sink.flush(within: .seconds(20))
        let last = try #require(lines.all.last)
        let time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/
        switch format {
        case .text:
            #expect(last.prefixMatch(of: time) != nil, "\(last)")
            #expect(last.hasSuffix(" warning 3 log lines were lost\n"))
        case .json:
            #expect(last.hasPrefix(#"{"time":""#) && last.firstMatch(of: time) != nil, "\(last)")
            #expect(last.hasSuffix(#""level":"warning","message":"3 log lines were lost"}"# + "\n"))
        }
    }

    @Test func flushingReturnsThoughNobodyReadsThePipe() throws {
        let (reading, writing) = try openPipe()
        let sink = LogSink(descriptor: writing)
        sendMoreThanAPipeHolds(to: sink)
        let start = ContinuousClock.now
        sink.flush(within: .milliseconds(50))
        #expect(start.duration(to: .now) < .seconds(20))
        // Read after all, so that the writer ends before its pipe does.
        _ = try receiveAll(from: reading)
        sink.flush(within: .seconds(20))
        close(reading)
        close(writing)
    }

    @Test func aDescriptorThatTakesOnlySomeOfTheBytesGetsThemAll() throws {
        let (reading, writing) = try openPipe()
        let sink = LogSink(descriptor: writing)
        sendMoreThanAPipeHolds(to: sink)
        let received = try receiveAll(from: reading)
        sink.flush(within: .seconds(20))
        #expect(received == Self.sentBytes)
        close(reading)
        close(writing)
    }
}
