import Scheduling
import Testing

@Suite struct MemoryLedgerTests {
    private func outline(bytes: Int, evaluation: Int = 0) -> SampleOutline<Int> {
        SampleOutline(key: 0, steps: 1, bytes: bytes, evaluationBytes: evaluation, cost: 1)
    }

    @Test("a sample that fills the budget to the last byte is admitted, one byte more is not")
    func limit() {
        var ledger = MemoryLedger(budget: 100, newcomerShare: 0)
        ledger.admit(outline(bytes: 60))
        #expect(ledger.verdict(admitting: outline(bytes: 40), isFirstOfJob: true) == .fits)
        #expect(ledger.verdict(admitting: outline(bytes: 41), isFirstOfJob: true) == .lacksRoomInFlight)
    }

    @Test("a sample over the budget is admitted when nothing else is in flight, and then nothing beside it")
    func oversize() {
        var ledger = MemoryLedger(budget: 100, newcomerShare: 0)
        let giant = outline(bytes: 1000)
        #expect(ledger.verdict(admitting: giant, isFirstOfJob: true) == .fits)
        ledger.admit(giant)
        #expect(ledger.verdict(admitting: outline(bytes: 0), isFirstOfJob: true) == .lacksRoomInFlight)
        ledger.retire(giant)
        #expect(ledger.bytesHeld == 0)
        #expect(ledger.verdict(admitting: outline(bytes: 1), isFirstOfJob: true) == .fits)
    }

    @Test("a job's further samples leave the newcomers' share alone")
    func reserve() {
        var ledger = MemoryLedger(budget: 100, newcomerShare: 0.25)
        ledger.admit(outline(bytes: 50))
        #expect(ledger.verdict(admitting: outline(bytes: 25), isFirstOfJob: false) == .fits)
        #expect(ledger.verdict(admitting: outline(bytes: 26), isFirstOfJob: false) == .lacksRoomInFlight)
        #expect(ledger.verdict(admitting: outline(bytes: 50), isFirstOfJob: true) == .fits)
    }

    @Test("room for the largest evaluation in flight is never given away")
    func evaluationRoom() {
        var ledger = MemoryLedger(budget: 100, newcomerShare: 0)
        let big = outline(bytes: 10, evaluation: 70)
        ledger.admit(big)
        #expect(ledger.verdict(admitting: outline(bytes: 20), isFirstOfJob: true) == .fits)
        #expect(ledger.verdict(admitting: outline(bytes: 21), isFirstOfJob: true) == .lacksRoomInFlight)
        ledger.beginEvaluation(of: big)
        let (tooBig, right) = (outline(bytes: 10, evaluation: 11), outline(bytes: 10, evaluation: 10))
        #expect(ledger.verdict(admitting: tooBig, isFirstOfJob: true) == .lacksRoomToEvaluate)
        #expect(ledger.verdict(admitting: right, isFirstOfJob: true) == .fits)
        ledger.endEvaluation(of: big)
        ledger.emptyWorkspace(of: 0)
        #expect(ledger.bytesHeld == 10)
    }

    @Test("absurd sizes neither trap nor fit")
    func absurd() {
        var ledger = MemoryLedger(budget: .max, newcomerShare: 1)
        for _ in 0..<100 { ledger.admit(outline(bytes: .max, evaluation: .max)) }
        #expect(ledger.verdict(admitting: outline(bytes: .max), isFirstOfJob: true) == .lacksRoomInFlight)
        #expect(ledger.bytesHeld > 0)
    }
}

@Suite struct WorkspaceLedgerTests {
    private func outline(bytes: Int = 0, evaluation: Int) -> SampleOutline<Int> {
        SampleOutline(key: 0, steps: 1, bytes: bytes, evaluationBytes: evaluation, cost: 1)
    }

    @Test("what a worker keeps after an evaluation counts against the others, until it lets go of it")
    func keptMemoryCounts() {
        var ledger = MemoryLedger(budget: 100, newcomerShare: 0, workers: 2)
        let (large, small) = (outline(evaluation: 70), outline(evaluation: 40))
        ledger.admit(large)
        ledger.beginEvaluation(of: large, on: 0)
        #expect(ledger.fitWorkspace(of: 0) == 70)
        ledger.endEvaluation(of: large, on: 0)
        #expect(ledger.bytesHeld == 70 && ledger.keepsIdleMemory(0) && !ledger.keepsIdleMemory(1))
        #expect(ledger.verdict(evaluating: small, on: 1) == .lacksRoomToEvaluate)
        #expect(ledger.verdict(evaluating: small, on: 0) == .fits)
        ledger.emptyWorkspace(of: 0)
        #expect(ledger.bytesHeld == 0)
        #expect(ledger.verdict(evaluating: small, on: 1) == .fits)
    }

    @Test("a worker keeps what a larger evaluation took as far as there is room, and no more")
    func keptMemoryGivesWay() {
        var ledger = MemoryLedger(budget: 100, newcomerShare: 0, workers: 2)
        let (large, small, other) = (outline(evaluation: 60), outline(evaluation: 10), outline(evaluation: 30))
        for sample in [large, small, other] { ledger.admit(sample) }
        ledger.beginEvaluation(of: large, on: 0)
        _ = ledger.fitWorkspace(of: 0)
        ledger.endEvaluation(of: large, on: 0)
        ledger.beginEvaluation(of: other, on: 1)
        #expect(ledger.fitWorkspace(of: 1) == 30)
        ledger.beginEvaluation(of: small, on: 0)
        #expect(ledger.fitWorkspace(of: 0) == 60)
        ledger.endEvaluation(of: small, on: 0)
        let states = outline(bytes: 25, evaluation: 0)
        ledger.admit(states)
        ledger.beginEvaluation(of: small, on: 0)
        #expect(ledger.fitWorkspace(of: 0) == 45)
        #expect(ledger.bytesHeld == 100)
    }
}
