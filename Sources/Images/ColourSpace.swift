import Glibc

/// What colours samples mean, in a form that can be converted.
enum ColourSpace: Equatable {
    /// Or what is to be taken for it, because nothing or nothing understandable is said.
    case standard
    case profile([UInt8])
    case primaries(ColourPrimaries, TransferCurve)
}

extension ColourDescription {
    /// What the description means, by the order of PNG (section 4.3): cICP, then a profile, sRGB, and gAMA with cHRM.
    var space: ColourSpace {
        if let space = codePoints.flatMap(Self.space(ofCodePoints:)) { return space }
        if let profile { return .profile(profile) }
        if standardIntent != nil { return .standard }
        guard gamma != nil || chromaticities != nil else { return .standard }
        let primaries = chromaticities.flatMap(ColourPrimaries.init(chromaticities:)) ?? .standard
        return .primaries(primaries, gamma.map { .gamma(100_000 / Double($0)) } ?? .standard)
    }

    /// Whether it names a transfer function of high dynamic range, PQ or HLG (ITU-R BT.2100).
    var isHighDynamicRange: Bool {
        guard case .primaries(_, let curve) = space else { return false }
        return curve == .perceptualQuantiser || curve == .hybridLogGamma
    }

    /// H.273, tables 2 and 3, as far as PNG and displays have a use for them; samples of the full range.
    private static func space(ofCodePoints points: [UInt8]) -> ColourSpace? {
        guard points.count == 4, points[3] == 1, let primaries = ColourPrimaries(codePoint: points[0]),
            let curve = TransferCurve(codePoint: points[1])
        else { return nil }
        return primaries == .standard && curve == .standard ? .standard : .primaries(primaries, curve)
    }
}

/// Chromaticities of the three primaries and of white (CIE 1931, x and y).
struct ColourPrimaries: Equatable {
    struct Chromaticity: Equatable {
        let x: Double
        let y: Double
    }

    let white: Chromaticity
    let red: Chromaticity
    let green: Chromaticity
    let blue: Chromaticity

    static let standard = Self((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), white: (0.3127, 0.3290))

    private init(
        _ red: (Double, Double), _ green: (Double, Double), _ blue: (Double, Double), white: (Double, Double)
    ) {
        (self.red, self.green) = (.init(x: red.0, y: red.1), .init(x: green.0, y: green.1))
        (self.blue, self.white) = (.init(x: blue.0, y: blue.1), .init(x: white.0, y: white.1))
    }

    /// From the eight numbers of cHRM. Nil where they are no chromaticities, or the primaries span no triangle around
    /// white.
    init?(chromaticities values: [Int]) {
        guard values.count == 8, values.allSatisfy({ 0...100_000 ~= $0 }) else { return nil }
        let points = (0..<4).map { (Double(values[2 * $0]) / 100_000, Double(values[2 * $0 + 1]) / 100_000) }
        self.init(points[1], points[2], points[3], white: points[0])
        guard white.y > 0.05, [red, green, blue].allSatisfy({ $0.y > 0.00005 && $0.x + $0.y <= 1.0001 }) else { return nil }
        let area = Self.area(red, green, blue)
        let parts = [Self.area(red, green, white), Self.area(green, blue, white), Self.area(blue, red, white)]
        guard abs(area) > 0.02, parts.allSatisfy({ $0 * area > 0 }) else { return nil }
    }

    /// Twice the area of a triangle, signed.
    private static func area(_ a: Chromaticity, _ b: Chromaticity, _ c: Chromaticity) -> Double {
        (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y)
    }

    /// H.273, table 2; nil for one that isn't known here.
    init?(codePoint: UInt8) {
        let daylight = (0.3127, 0.3290)
        switch codePoint {
        case 1: self = .standard
        case 4: self.init((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), white: (0.310, 0.316))
        case 5: self.init((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), white: daylight)
        case 6, 7: self.init((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), white: daylight)
        case 8: self.init((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), white: (0.310, 0.316))
        case 9: self.init((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), white: daylight)
        case 11: self.init((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), white: (0.314, 0.351))
        case 12: self.init((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), white: daylight)
        case 22: self.init((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), white: daylight)
        default: return nil
        }
    }
}

/// How stored values become light.
enum TransferCurve: Equatable {
    /// sRGB's.
    case standard
    /// Light is the value to this power.
    case gamma(Double)
    /// SMPTE ST 2084.
    case perceptualQuantiser
    /// ARIB STD-B67.
    case hybridLogGamma

    /// H.273, table 3; nil for one that isn't known here. Video's curve (BT.709 and its kin) is shown as sRGB's, which is
    /// what browsers do.
    init?(codePoint: UInt8) {
        switch codePoint {
        case 1, 6, 13, 14, 15: self = .standard
        case 4: self = .gamma(2.2)
        case 5: self = .gamma(2.8)
        case 8: self = .gamma(1)
        case 16: self = .perceptualQuantiser
        case 18: self = .hybridLogGamma
        default: return nil
        }
    }

    /// Light for values from 0 to 1 in equal steps, where no formula of the library has it: 1 is the brightest that can
    /// be stored, and white paper (203 cd/m2 by ITU-R BT.2408) is a little under it, so that highlights stay apart.
    func table(entries: Int) -> [Double]? {
        let light: (Double) -> Double
        switch self {
        case .standard, .gamma: return nil
        case .perceptualQuantiser: light = Self.perceptualQuantiser
        case .hybridLogGamma: light = Self.hybridLogGamma
        }
        let brightest = light(1)
        return (0..<entries).map { Self.compressed(light(Double($0) / Double(entries - 1)), brightest: brightest) }
    }

    /// In units of white paper (BT.2100, table 4).
    private static func perceptualQuantiser(_ value: Double) -> Double {
        let power = pow(value, 1 / 78.84375)
        return 10_000 / 203 * pow(max(0, power - 0.8359375) / (18.8515625 - 18.6875 * power), 1 / 0.1593017578125)
    }

    /// In units of white paper, on a display of 1,000 cd/m2 (BT.2100, table 5), its system gamma taken for each colour.
    private static func hybridLogGamma(_ value: Double) -> Double {
        let a = 0.17883277, b = 0.28466892, c = 0.55991073
        let scene = value <= 0.5 ? value * value / 3 : (exp((value - c) / a) + b) / 12
        return 1_000 / 203 * pow(scene, 1.2)
    }

    /// As it is up to the knee, above it compressed by a logarithm that begins with the same slope and ends at 1.
    private static func compressed(_ light: Double, brightest: Double) -> Double {
        let knee = 0.8, room = 1 - knee, excess = brightest - knee
        guard light > knee else { return light }
        // The scale at which the slope at the knee is 1, found by halving: the sum grows with it.
        var low = 1e-6, high = excess
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if middle * log(1 + excess / middle) < room { low = middle } else { high = middle }
        }
        return knee + low * log(1 + (light - knee) / low)
    }
}
