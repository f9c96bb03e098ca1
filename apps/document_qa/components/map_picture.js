// The points of a map and how they are drawn: in groups by colour, on a canvas. Places are shares of the whole map.
const LIGHT = ["#0072b2", "#b84e00", "#007a59", "#a8327e", "#6a3fb5", "#8a6d00", "#12768f", "#9b2226"]
const DARK = ["#56b4e9", "#f0913a", "#2bc79a", "#e78ac3", "#b39dfa", "#f0e442", "#7fd6e8", "#ff8f8f"]
const CELLS = 128 // a side, of the grid by which the point under the pointer is found
const ROUND = 6000 // points that are drawn as discs; more are drawn as squares
const LABELS = 24

const decoded = (text) => {
  const raw = atob(text)
  const bytes = new Uint8Array(raw.length)
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i)
  return bytes
}

const inflated = async (text) => {
  const stream = new Blob([decoded(text)]).stream().pipeThrough(new DecompressionStream("deflate"))
  return new Response(stream).json()
}

// The places of the values 0 to count - 1 in their order, and where each value's begin
const sorted = (values, count) => {
  const begins = new Int32Array(count + 1)
  for (const value of values) begins[value + 1]++
  for (let i = 0; i < count; i++) begins[i + 1] += begins[i]
  const next = begins.slice()
  const order = new Int32Array(values.length)
  values.forEach((value, i) => (order[next[value]++] = i))
  return { order, begins }
}

// Groups of points in the order of their size; -1 is no group
const grouped = (labels, names) => {
  const sizes = new Map()
  labels.forEach((label) => label >= 0 && sizes.set(label, (sizes.get(label) ?? 0) + 1))
  const kinds = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a) || a - b)
  const rank = new Map(kinds.map((kind, place) => [kind, place]))
  return {
    of: Int32Array.from(labels, (label) => rank.get(label) ?? -1),
    all: kinds.map((kind) => ({ name: names[kind], size: sizes.get(kind) })),
  }
}

class Picture {
  constructor(canvas, data) {
    this.canvas = canvas
    this.brush = canvas.getContext("2d")
    const places = new Uint16Array(decoded(data.points).buffer)
    this.count = places.length / 2
    this.x = new Float32Array(this.count).map((_, i) => places[2 * i] / 65535)
    this.y = new Float32Array(this.count).map((_, i) => places[2 * i + 1] / 65535)
    this.wide = this.x.reduce((a, b) => Math.max(a, b), 0.01)
    this.high = this.y.reduce((a, b) => Math.max(a, b), 0.01)
    const topic = new Int16Array(decoded(data.topic).buffer)
    this.document = new Int32Array(decoded(data.document).buffer)
    this.texts = null
    this.groups = { topic: grouped(topic, data.topics) }
    this.marks = { question: null, hits: [] }
    this.only = null
    this.hovered = -1
    this.aimed = false
    this._grid()
    this.colourBy("topic")
  }

  // The titles and first words of passages, which come after the points because they are many times as long
  read(texts) {
    this.texts = texts
    this.groups.document = grouped(this.document, texts.titles)
  }

  get group() {
    return this.groups[this.by]
  }

  colourBy(by) {
    this.by = by
    this.only = null
    const of = this.group.of
    const shade = of.map((group) => (group < 0 ? -1 : group % LIGHT.length))
    this.order = sorted(shade.map((each) => each + 1), LIGHT.length + 1).order
    this.shade = Int8Array.from(this.order, (i) => shade[i])
    this.centres = by === "topic" ? this._centres() : []
  }

  _centres() {
    const members = this.group.all.slice(0, LABELS).map(() => [])
    this.group.of.forEach((group, i) => members[group]?.push(i))
    const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1]
    return members.map((own) => [middle(own.map((i) => this.x[i])), middle(own.map((i) => this.y[i]))])
  }

  _grid() {
    this.cell = (share) => Math.min(CELLS - 1, Math.max(0, Math.floor(share * CELLS)))
    const cells = new Int32Array(this.count).map((_, i) => this.cell(this.y[i]) * CELLS + this.cell(this.x[i]))
    const { order, begins } = sorted(cells, CELLS * CELLS)
    Object.assign(this, { inCells: order, begins })
  }

  size(width, height) {
    const first = this.width === undefined
    const ratio = window.devicePixelRatio || 1
    Object.assign(this, { width, height, ratio })
    this.canvas.width = Math.round(width * ratio)
    this.canvas.height = Math.round(height * ratio)
    if (first) this.fit()
  }

  fit() {
    this.scale = this.least = 0.9 * Math.min(this.width / this.wide, this.height / this.high)
    this.centre = [this.wide / 2, this.high / 2]
  }

  zoom(factor, [left, top] = [this.width / 2, this.height / 2]) {
    const [x, y] = this.at(left, top)
    this.scale = Math.min(400 * this.least, Math.max(0.5 * this.least, this.scale * factor))
    this.centre = [x - (left - this.width / 2) / this.scale, y - (top - this.height / 2) / this.scale]
  }

  pan(right, down) {
    this.centre = [this.centre[0] - right / this.scale, this.centre[1] - down / this.scale]
  }

  at(left, top) {
    return [this.centre[0] + (left - this.width / 2) / this.scale, this.centre[1] + (top - this.height / 2) / this.scale]
  }

  spot(x, y) {
    return [(x - this.centre[0]) * this.scale + this.width / 2, (y - this.centre[1]) * this.scale + this.height / 2]
  }

  shown(i) {
    return this.only === null || this.group.of[i] === this.only
  }

  // The point nearest to a place on the canvas, -1 if none is within so many pixels
  nearest(left, top, within) {
    const [x, y] = this.at(left, top)
    const reach = within / this.scale
    let best = -1
    let least = reach * reach
    for (let row = this.cell(y - reach); row <= this.cell(y + reach); row++) {
      const from = this.begins[row * CELLS + this.cell(x - reach)]
      const to = this.begins[row * CELLS + this.cell(x + reach) + 1]
      for (let place = from; place < to; place++) {
        const i = this.inCells[place]
        const distance = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2
        if (distance <= least && this.shown(i)) [best, least] = [i, distance]
      }
    }
    return best
  }

  draw(theme) {
    const { brush, ratio, width, height } = this
    this.palette = theme.dark ? DARK : LIGHT
    brush.setTransform(ratio, 0, 0, ratio, 0, 0)
    brush.clearRect(0, 0, width, height)
    this._points(theme)
    this._labels(theme)
    this._marks(theme)
  }

  colour(group, theme) {
    return group < 0 ? theme.none : this.palette[group % LIGHT.length]
  }

  _points(theme) {
    const zoomed = Math.sqrt(this.scale / this.least)
    const base = this.count > 20000 ? 1.3 : this.count > ROUND ? 1.8 : this.count > 500 ? 2.6 : 4
    const radius = Math.min(7, Math.max(1, base * zoomed))
    if (this.count > ROUND) this._squares(radius, theme)
    else this._discs(radius, theme)
  }

  _discs(radius, theme) {
    const { brush, order, shade } = this
    for (let from = 0; from < order.length; ) {
      const own = shade[from]
      brush.beginPath()
      brush.fillStyle = this.colour(own, theme)
      brush.globalAlpha = own < 0 ? 0.45 : 0.8
      for (; from < order.length && shade[from] === own; from++) {
        const i = order[from]
        if (!this.shown(i)) continue
        const [left, top] = this.spot(this.x[i], this.y[i])
        brush.moveTo(left + radius, top)
        brush.arc(left, top, radius, 0, 7)
      }
      brush.fill()
    }
    brush.globalAlpha = 1
  }

  // Pixel by pixel: the canvas takes a hundred times as long for as many squares
  _squares(radius, theme) {
    const { canvas, order, ratio } = this
    const image = this.brush.createImageData(canvas.width, canvas.height)
    const pixels = new Uint32Array(image.data.buffer)
    const side = Math.max(2, Math.round(2 * radius * ratio))
    const of = (hex) => (0xff000000 | (hex << 16) & 0xff0000 | hex & 0xff00 | hex >> 16) >>> 0 // as bytes: R, G, B, A
    const shades = [theme.faint, ...this.palette].map((colour) => of(parseInt(colour.slice(1), 16)))
    const zoom = this.scale * ratio
    const left = canvas.width / 2 - this.centre[0] * zoom - side / 2
    const top = canvas.height / 2 - this.centre[1] * zoom - side / 2
    for (let place = 0; place < order.length; place++) {
      const i = order[place]
      const column = Math.round(this.x[i] * zoom + left)
      const row = Math.round(this.y[i] * zoom + top)
      const seen = column >= 0 && row >= 0 && column + side <= canvas.width && row + side <= canvas.height
      if (!seen || !this.shown(i)) continue
      const shade = shades[this.shade[place] + 1]
      for (let line = row; line < row + side; line++) {
        const start = line * canvas.width + column
        pixels.fill(shade, start, start + side)
      }
    }
    this.brush.putImageData(image, 0, 0)
  }

  _text(text, left, top, theme) {
    const { brush } = this
    brush.lineWidth = 4
    brush.lineJoin = "round"
    brush.strokeStyle = theme.background
    brush.strokeText(text, left, top)
    brush.fillStyle = theme.text
    brush.fillText(text, left, top)
  }

  _labels(theme) {
    const { brush } = this
    brush.font = `600 12px ${theme.font}`
    brush.textAlign = "center"
    brush.textBaseline = "middle"
    const taken = []
    this.centres.forEach(([x, y], group) => {
      if (this.only !== null && this.only !== group) return
      const [left, top] = this.spot(x, y)
      const words = this.group.all[group].name.split(", ")
      const name = words.slice(0, this.scale > 3 * this.least ? words.length : 2).join(", ")
      const half = brush.measureText(name).width / 2 + 4
      const clear = taken.every(([l, t, h]) => Math.abs(l - left) > h + half || Math.abs(t - top) > 18)
      if (!clear || left - half < 0 || left + half > this.width || top < 10 || top > this.height - 10) return
      taken.push([left, top, half])
      this._text(name, left, top, theme)
    })
  }

  _ring(left, top, radius, theme) {
    const { brush } = this
    for (const [thick, colour] of [[5, theme.background], [2.5, theme.text]]) {
      brush.beginPath()
      brush.arc(left, top, radius, 0, 7)
      brush.lineWidth = thick
      brush.strokeStyle = colour
      brush.stroke()
    }
  }

  _cross(left, top, arm, theme) {
    const { brush } = this
    for (const [thick, colour] of [[7, theme.background], [3.5, theme.text]]) {
      brush.beginPath()
      brush.moveTo(left - arm, top - arm)
      brush.lineTo(left + arm, top + arm)
      brush.moveTo(left + arm, top - arm)
      brush.lineTo(left - arm, top + arm)
      brush.lineWidth = thick
      brush.strokeStyle = colour
      brush.stroke()
    }
  }

  _marks(theme) {
    const { brush } = this
    brush.font = `700 12px ${theme.font}`
    for (const [i, rank] of this.marks.hits) {
      const [left, top] = this.spot(this.x[i], this.y[i])
      this._ring(left, top, 9, theme)
      this._text(`${rank}`, left + 16, top - 8, theme)
    }
    if (this.marks.question) this._cross(...this.spot(...this.marks.question), 8, theme)
    if (this.hovered >= 0) this._ring(...this.spot(this.x[this.hovered], this.y[this.hovered]), 6, theme)
    if (this.aimed) this._ring(this.width / 2, this.height / 2, 14, theme)
  }
}
