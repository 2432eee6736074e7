/// Classifier-free guidance (Ho and Salimans, 2022), and InstructPix2Pix' of two conditions: an answer is put together of what
/// the network says with all conditions and with fewer. An evaluation whose factor is 0 isn't needed. With the picture's factor at 1
/// it is the guidance of a text alone: uncond + text (cond - uncond).
package struct Guidance: Sendable, Equatable {
    /// What of the conditions the network is given.
    package enum Conditions: Sendable, Equatable, CaseIterable {
        /// The text and the picture.
        case both
        /// The picture and the empty text.
        case picture
        /// Neither.
        case none
    }

    /// How much the text counts, and how much the picture does; 1 as the network says.
    package let text: Double
    package let picture: Double

    /// The factors that may be asked for.
    package static let allowed = 0.0...20.0

    package init(text: Double = 1, picture: Double = 1) {
        self.text = text
        self.picture = picture
    }

    /// u + text (c - i) + picture (i - u) with c, i, u of the three conditions: what is to be evaluated, in this order, and the
    /// factor of each.
    package var evaluations: [(conditions: Conditions, factor: Float)] {
        let factors: [(conditions: Conditions, factor: Float)] = [
            (.both, Float(text)), (.picture, Float(picture - text)), (.none, Float(1 - picture)),
        ]
        let needed = factors.filter { $0.factor != 0 }
        return needed.isEmpty ? [factors[0]] : needed
    }

    /// What answers come to together.
    ///
    /// - Parameters:
    ///   - answers: one a factor, of one length.
    package static func combined(_ answers: [[Float]], factors: [Float]) -> [Float] {
        guard answers.count > 1 || factors.first != 1 else { return answers.first ?? [] }
        var result = [Float](repeating: 0, count: answers.first?.count ?? 0)
        for (answer, factor) in zip(answers, factors) {
            for index in result.indices { result[index] += factor * answer[index] }
        }
        return result
    }
}
