import Engine
import Foundation
import Images
import TestSupport
import Testing

/// What is believed and what is withheld, guard by guard.
@Suite("Guards")
struct GuardTests {
    private let photograph: Picture

    init() throws {
        let file = Repository.root.appendingPathComponent("Tests/Fixtures/Photographs/kodim20.png")
        let whole = try ImageDecoder.decode(Array(try Data(contentsOf: file)))
        // Below the bright sky.
        photograph = Picture(width: 256, height: 200, pixels: whole.window(columns: 120..<376, rows: 180..<380))
    }

    private func page(_ paper: OrdinaryPictures.Colour = (255, 255, 255)) -> Picture {
        var draw = OrdinaryPictures(seed: 5)
        return draw.page(paper: paper, ink: (10, 10, 10))
    }

    private func cutOut(_ ground: OrdinaryPictures.Colour) -> Picture {
        var draw = OrdinaryPictures(seed: 6)
        return draw.cutOut(of: photograph, ground: ground)
    }

    private func changed(_ picture: Picture, _ change: (_ x: Int, _ y: Int, _ value: Int) -> Int) -> Picture {
        var picture = picture
        for index in picture.pixels.indices {
            let position = index / 3
            let value = change(position % picture.width, position / picture.width, Int(picture.pixels[index]))
            picture.pixels[index] = UInt8(clamping: value)
        }
        return picture
    }

    private func verdict(
        _ picture: Picture, _ label: String, _ probability: Double = 0.9, _ others: [String: Double] = ["clean": 0.01]
    ) -> LookGuard.Verdict {
        LookGuard.verdict(label, others.merging([label: probability]) { $1 }, of: picture)
    }

    // MARK: Second looks

    @Test("a second look doubts what it finds nearly as likely clean, and nothing else", arguments: [SecondLook.Manner.fromAfar, .turned])
    func secondLook(manner: SecondLook.Manner) {
        #expect(SecondLook.doubts("rainy", ["clean": 0.5, "rainy": 0.4, "snowy": 0.1], manner))
        #expect(!SecondLook.doubts("rainy", ["clean": 0.1, "rainy": 0.2, "snowy": 0.7], manner))
        #expect(SecondLook.doubts("rainy", ["clean": 0.41, "rainy": 0.5], manner))
        #expect(!SecondLook.doubts("rainy", ["clean": 0.39, "rainy": 0.5], manner))
        #expect(SecondLook.doubts("rainy", ["clean": 0.3], manner) && !SecondLook.doubts("rainy", ["snowy": 1], manner))
        #expect(SecondLook.looks(manner, for: "rainy") && !SecondLook.looks(manner, for: "noisy"))
    }

    @Test("from far off, shadows and haze have to be likely still, whatever else is")
    func fromFarOff() {
        let least = SecondLook.leastFromFarOff
        #expect(!SecondLook.doubts("shadowed", ["shadowed": least, "clean": 1 - least], .fromFarOff))
        #expect(SecondLook.doubts("shadowed", ["shadowed": least - 0.0001, "low-light": 1 - least], .fromFarOff))
        #expect(SecondLook.looks(.fromFarOff, for: "hazy") && !SecondLook.looks(.fromFarOff, for: "uncompleted"))
    }

    // MARK: Before

    /// Holes as people paint them: strokes, a box, blots.
    private func pictureWithHoles(_ kind: Int, white: Int = 255) -> Picture {
        changed(photograph) { x, y, value in
            let isHole = switch kind {
            case 0: (x + y) % 70 < 12 || abs(x - 2 * y) < 8
            case 1: (60..<140).contains(x) && (50..<120).contains(y)
            case 2: (x - 80) * (x - 80) + (y - 60) * (y - 60) < 900 || (x - 190) * (x - 190) + (y - 130) * (y - 130) < 1_600
            default: (40..<60).contains(y) || (200..<216).contains(x)
            }
            return isHole ? white : value
        }
    }

    @Test("white strokes, boxes, blots and bars in a photograph are holes, also after JPEG", arguments: 0..<4)
    func holes(kind: Int) throws {
        let picture = pictureWithHoles(kind)
        #expect(verdict(picture, "uncompleted") == .restore("uncompleted"))
        let jpeg = try ImageDecoder.decode(ImageEncoder.encode(picture, as: .jpeg, quality: 90))
        #expect(verdict(jpeg, "uncompleted") == .restore("uncompleted"))
    }

    @Test("paper, a screen, the ground of a cut-out and a photograph without white areas are no holes")
    func noHoles() {
        var draw = OrdinaryPictures(seed: 7)
        let pictures = [
            page(), page((250, 249, 245)), cutOut((255, 255, 255)), cutOut((0, 0, 0)), photograph,
            draw.interface(ground: (255, 255, 255), bar: (20, 90, 160), ink: (0, 0, 0)), draw.plain((255, 255, 255)),
            // A strip of paper along one side, and the half of a picture.
            changed(photograph) { x, _, value in x < 120 ? 255 : value },
            changed(photograph) { _, y, value in y < 4 ? 255 : value },
        ]
        for (index, picture) in pictures.enumerated() {
            #expect(verdict(picture, "uncompleted") == .decline(.plainGround), "picture \(index)")
        }
    }

    @Test("on plain ground nothing is believed that would not have left it plain", arguments: [
        "rainy", "snowy", "hazy", "raindrop", "noisy", "low-light", "shadowed", "uncompleted", "another",
    ])
    func plainGround(label: String) {
        for picture in [page(), page((30, 31, 34)), cutOut((200, 210, 220))] {
            #expect(verdict(picture, label) == .decline(.plainGround))
        }
    }

    @Test("blur and JPEG are believed there by their traces, and so is noise that covers it")
    func plainGroundOfDefects() throws {
        let jpeg = try ImageDecoder.decode(ImageEncoder.jpeg(page(), options: .init(quality: 10)))
        #expect(verdict(jpeg, "jpeg-compressed") == .restore("jpeg-compressed"))
        #expect(verdict(page(), "jpeg-compressed") == .decline(.noTraces))
        #expect(verdict(blurred(page()), "motion-blurry") == .restore("motion-blurry"))
        #expect(verdict(page(), "motion-blurry") == .decline(.noTraces))
        var generator = SeededGenerator(seed: 9)
        let noisy = changed(page()) { _, _, value in value + Int.random(in: -60...60, using: &generator) }
        #expect(verdict(noisy, "noisy") == .restore("noisy"))
    }

    private func blurred(_ picture: Picture) -> Picture {
        var blurred = picture
        for index in picture.pixels.indices {
            let (row, column) = (index / 3 / picture.width, index / 3 % picture.width)
            let columns = max(0, column - 4)...min(picture.width - 1, column + 4)
            let sum = columns.reduce(0) { $0 + Int(picture.pixels[3 * (row * picture.width + $1) + index % 3]) }
            blurred.pixels[index] = UInt8(sum / columns.count)
        }
        return blurred
    }

    @Test("where the likeliest can't be, the next is taken if it is likely enough")
    func next() throws {
        let page = try ImageDecoder.decode(ImageEncoder.jpeg(self.page(), options: .init(quality: 10)))
        let least = LookGuard.leastProbabilityOfNext
        #expect(verdict(page, "uncompleted", 0.6, ["jpeg-compressed": least, "clean": 0.1]) == .restore("jpeg-compressed"))
        #expect(verdict(page, "uncompleted", 0.6, ["jpeg-compressed": least - 0.001, "clean": 0.1]) == .decline(.plainGround))
        #expect(verdict(page, "uncompleted", 0.5, ["rainy": 0.3, "clean": 0.1]) == .decline(.plainGround))
        #expect(verdict(page, "uncompleted", 0.4, ["jpeg-compressed": 0.25, "clean": 0.3]) == .decline(.plainGround))
    }

    @Test("haze is believed where nothing is dark", arguments: [(0.6, true), (0.8, true), (1.0, false)])
    func veil(transmission: Double, believed: Bool) {
        let picture = changed(photograph) { _, _, value in Int(Double(value) * transmission + 230 * (1 - transmission)) }
        #expect(verdict(picture, "hazy") == (believed ? .restore("hazy") : .decline(.noTraces)))
    }

    @Test("a label is believed while clean is unlikely enough, however many others share what is left")
    func undecided() {
        let most = LookGuard.mostProbabilityOfClean
        #expect(verdict(photograph, "shadowed", 0.8, ["clean": most]) == .restore("shadowed"))
        #expect(verdict(photograph, "shadowed", 0.8, ["clean": most + 0.0001]) == .decline(.undecided))
        #expect(verdict(photograph, "shadowed", 0.45, ["noisy": 0.44, "clean": 0.11]) == .restore("shadowed"))
        #expect(verdict(photograph, "shadowed", 0.3, [:]) == .restore("shadowed"))
    }

    @Test("weather wants clean to be less likely than other labels do", arguments: ["rainy", "snowy", "raindrop"])
    func undecidedInWeather(label: String) {
        let most = LookGuard.mostProbabilityOfCleanInWeather
        #expect(verdict(photograph, label, 0.9, ["clean": most]) == .restore(label))
        #expect(verdict(photograph, label, 0.9, ["clean": most + 0.0001]) == .decline(.undecided))
        #expect(verdict(photograph, "motion-blurry", 0.9, ["clean": most + 0.0001]) == .restore("motion-blurry"))
    }

    @Test("in grey a label that is told by colours wants clean to be less likely, and no other does", arguments: ["shadowed", "hazy", "noisy"])
    func undecidedInGrey(label: String) {
        let pale = changed(photograph) { _, _, value in 60 + value / 2 }
        var grey = pale
        grey.turnToLuma()
        let most = LookGuard.mostProbabilityOfCleanInGrey
        #expect(verdict(pale, label, 0.8, ["clean": most + 0.0001]) == .restore(label))
        #expect(LookGuard.mostProbabilityOfCleanInWeather > most)
        #expect(verdict(grey, label, 0.8, ["clean": most]) == .restore(label))
        let isToldByColour = LookGuard.labelsToldByColour.contains(label)
        #expect(verdict(grey, label, 0.8, ["clean": most + 0.0001]) == (isToldByColour ? .decline(.undecided) : .restore(label)))
    }

    @Test("what is taken in place of what can't be has to be likelier than clean by a margin of its own")
    func marginOfNext() throws {
        let page = try ImageDecoder.decode(ImageEncoder.jpeg(self.page(), options: .init(quality: 10)))
        let margin = LookGuard.leastMarginOfNext
        #expect(verdict(page, "uncompleted", 0.5, ["jpeg-compressed": 0.3, "clean": 0.3 - margin - 0.0001]) == .restore("jpeg-compressed"))
        #expect(verdict(page, "uncompleted", 0.5, ["jpeg-compressed": 0.3, "clean": 0.3 - margin + 0.0001]) == .decline(.undecided))
    }

    @Test("pictures of any shape are looked at", arguments: [(8, 8), (8, 3_000), (3_000, 9), (1_030, 770)])
    func shapes(width: Int, height: Int) {
        let picture = Picture.sample(width: width, height: height)
        #expect(verdict(picture, "uncompleted") == .decline(.plainGround))
        #expect(verdict(picture, "noisy") == .restore("noisy"))
        #expect(OutputGuard.objection(to: picture, madeOf: picture, as: ["noisy"]) == nil)
    }

    // MARK: After

    private func objection(_ made: Picture, _ picture: Picture, _ labels: String...) -> DeclineReason? {
        OutputGuard.objection(to: made, madeOf: picture, as: labels)
    }

    @Test("plain areas may not move, but where the label is the reason")
    func plainAreas() {
        let picture = cutOut((120, 130, 140))
        let within = changed(picture) { _, _, value in value + OutputGuard.mostLevels }
        let beyond = changed(picture) { _, _, value in value + OutputGuard.mostLevels + 1 }
        for label in ["rainy", "snowy", "noisy", "raindrop", "motion-blurry", "jpeg-compressed", "another"] {
            // Drops that move nothing were none.
            #expect(objection(within, picture, label) == (label == "raindrop" ? .noTraces : nil))
            #expect(objection(beyond, picture, label) == .flatAreasMove)
        }
        #expect(OutputGuard.objection(to: beyond, madeOf: picture, as: []) == .flatAreasMove)
        for label in ["hazy", "low-light", "uncompleted"] {
            #expect(objection(beyond, picture, label) == nil)
            #expect(objection(beyond, picture, "noisy", label) == nil)
        }
    }

    @Test("a round that does harm only together with those before it is the one that is taken back")
    func rounds() {
        let picture = cutOut((120, 130, 140))
        let first = changed(picture) { _, _, value in value + OutputGuard.mostLevels }
        let second = changed(first) { _, _, value in value + 1 }
        for label in ["rainy", "noisy", "jpeg-compressed"] {
            var guarding = RoundGuard()
            #expect(guarding.objection(to: first, madeOf: picture, as: ["noisy"]) == nil)
            #expect(guarding.objection(to: second, madeOf: first, as: ["noisy", label]) == .flatAreasMove)
            #expect(objection(second, first, label) == nil)
            // What is kept passes once more as a whole.
            #expect(guarding.objection(to: first, madeOf: first, as: ["noisy", label]) == nil)
            #expect(objection(first, picture, "noisy") == nil)
        }
        var guarding = RoundGuard()
        #expect(guarding.objection(to: second, madeOf: picture, as: ["noisy"]) == .flatAreasMove)
        guarding = RoundGuard()
        #expect(guarding.objection(to: first, madeOf: picture, as: ["noisy"]) == nil)
        #expect(guarding.objection(to: second, madeOf: first, as: ["noisy", "low-light"]) == nil)
    }

    @Test("what rain and snow clipped to white may move, a ground that JPEG left white may not")
    func clipped() {
        let picture = cutOut((255, 255, 255))
        let made = changed(picture) { _, _, value in value == 255 ? 200 : value }
        for label in ["rainy", "snowy", "noisy"] { #expect(objection(made, picture, label) == nil) }
        for label in ["jpeg-compressed", "motion-blurry"] { #expect(objection(made, picture, label) == .flatAreasMove) }
    }

    @Test("what was filled in where nothing is visible counts for nothing")
    func hidden() {
        var picture = cutOut((120, 130, 140))
        picture.alpha = (0..<256 * 200).map { picture.pixels[3 * $0] == 120 ? 0 : 255 }
        let made = changed(picture) { _, _, value in value + 40 }
        #expect(objection(made, picture, "jpeg-compressed") == nil)
        #expect(verdict(picture, "noisy") == .restore("noisy"))
        picture.alpha = nil
        #expect(objection(made, picture, "jpeg-compressed") == .flatAreasMove)
    }

    @Test("a photograph, which has no plain areas, may change everywhere")
    func photographs() {
        let made = changed(photograph) { _, _, value in 255 - value }
        for label in ["rainy", "hazy", "motion-blurry", "uncompleted"] { #expect(objection(made, photograph, label) == nil) }
    }

    /// The photograph brightened in its left part.
    private func movedLeft(_ share: Double, of picture: Picture) -> Picture {
        changed(picture) { x, _, value in value + (Double(x) < share * 256 ? 9 : 0) }
    }

    @Test("a shadow lies on a part of a scene: what lifts nearly all of it takes none away", arguments: [
        ("shadowed", 0.3, false), ("shadowed", 0.79, false), ("shadowed", 0.85, true), ("low-light", 1, false), ("hazy", 1, false),
    ])
    func shadows(label: String, share: Double, isWithheld: Bool) {
        let dim = changed(photograph) { _, _, value in value / 2 }
        #expect(objection(movedLeft(share, of: dim), dim, label) == (isWithheld ? .noTraces : nil))
        // Of rounds each is looked at alone.
        #expect(objection(movedLeft(share, of: dim), dim, "noisy", label) == nil)
    }

    @Test("drops take a part of a picture, and are not nearly black", arguments: [
        (0.05, false, true), (0.09, false, true), (0.12, false, false), (0.9, false, false), (0.5, true, true),
    ])
    func drops(share: Double, isDark: Bool, isWithheld: Bool) {
        let picture = changed(photograph) { _, _, value in isDark ? value / 7 : 45 + value * 3 / 4 }
        #expect(objection(movedLeft(share, of: picture), picture, "raindrop") == (isWithheld ? .noTraces : nil))
    }

    @Test("what is behind drops is sharp: places that move before a background out of focus are none")
    func dropsBeforeBlur() {
        let picture = changed(photograph) { x, _, value in x < 77 ? 45 + value * 3 / 4 : 100 + (x / 4) % 3 + value / 128 }
        #expect(objection(movedLeft(0.3, of: picture), picture, "raindrop") == .noTraces)
        #expect(objection(movedLeft(0.3, of: changed(photograph) { 45 + $2 * 3 / 4 }), changed(photograph) { 45 + $2 * 3 / 4 }, "raindrop") == nil)
    }

    @Test("lines on plain ground may not fade, but they may sharpen", arguments: [
        ("motion-blurry", 0.3, true), ("motion-blurry", 0.8, false), ("motion-blurry", 1.5, false), ("hazy", 0.3, true),
        ("jpeg-compressed", 0.3, true), ("shadowed", 0.3, true), ("uncompleted", 0.3, false),
    ])
    func lines(label: String, contrast: Double, isLost: Bool) {
        let picture = page((240, 240, 240))
        let made = changed(picture) { _, _, value in 240 + Int(Double(value - 240) * contrast) }
        #expect(objection(made, picture, label) == (isLost ? .textLost : nil))
    }
}
