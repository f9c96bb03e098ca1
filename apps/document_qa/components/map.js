// A map of passages: pointer, fingers and keys move it, a point tells its first words, a click asks for all of them.
const theme = (root) => {
  const style = getComputedStyle(root)
  const value = (name) => style.getPropertyValue(name).trim()
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = value("--st-background-color") || "#ffffff"
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(probe.fillStyle.slice(at, at + 2), 16))
  const dark = 0.3 * red + 0.6 * green + 0.1 * blue < 128
  return {
    dark,
    background: probe.fillStyle,
    text: value("--st-text-color") || (dark ? "#fafafa" : "#31333f"),
    none: dark ? "#9aa0aa" : "#737985",
    faint: dark ? "#4d525c" : "#c3c7ce", // the same under many others
    font: style.fontFamily || "sans-serif",
  }
}

const make = (tag, kind, text) => {
  const element = document.createElement(tag)
  if (kind) element.className = kind
  if (text !== undefined) element.textContent = text
  return element
}

const button = (kind, text, told, pressed) => {
  const element = make("button", kind, text)
  element.type = "button"
  if (told) {
    element.setAttribute("aria-label", told)
    element.title = told
  }
  element.onclick = pressed
  return element
}

class View {
  constructor(root, data) {
    this.root = root
    this.stage = make("div", "stage")
    this.canvas = make("canvas")
    this.canvas.tabIndex = 0
    this.canvas.setAttribute("role", "application")
    this.tip = make("div", "tip")
    this.tip.setAttribute("role", "status")
    this.tip.hidden = true
    this.stage.append(this.canvas, this.tip)
    this.controls = make("div", "controls")
    this.legend = make("ul", "legend")
    this.help = make("p", "help")
    root.replaceChildren(this.controls, this.stage, this.help, this.legend)
    this.picture = new Picture(this.canvas, data)
    this.pointers = new Map()
    this._listen()
    new ResizeObserver(() => this._resize()).observe(this.stage)
    this._resize()
  }

  // What may change from run to run
  show(data, open) {
    this.said = data.said
    this.open = open
    this.picture.marks = data.marks
    this.root.lang = data.language
    this.canvas.setAttribute("aria-label", data.said.label)
    this.help.textContent = data.said.help
    this._controls()
    this._legend()
    this.later()
  }

  async read(texts) {
    this.picture.read(await inflated(texts))
    this.root.dataset.read = this.picture.texts.openings.length
    this._controls()
    this.tell()
  }

  _controls() {
    const choice = make("label", "by", this.said.colour)
    const select = make("select")
    for (const by of ["topic", "document"]) {
      const option = make("option", "", this.said[by])
      option.value = by
      option.disabled = !this.picture.groups[by]
      select.append(option)
    }
    select.value = this.picture.by
    select.onchange = () => {
      this.picture.colourBy(select.value)
      this._legend()
      this.later()
    }
    choice.append(" ", select)
    const moved = (act) => () => {
      act()
      this.later()
    }
    const buttons = make("span", "zoom")
    buttons.append(
      button("", "+", this.said.nearer, moved(() => this.picture.zoom(1.5))),
      button("", "−", this.said.farther, moved(() => this.picture.zoom(1 / 1.5))),
      button("", "⤢", this.said.whole, moved(() => this.picture.fit())),
    )
    this.controls.replaceChildren(choice, buttons)
  }

  _legend() {
    const { picture } = this
    const colours = theme(this.root)
    picture.palette = colours.dark ? DARK : LIGHT
    const entries = picture.group.all.slice(0, 60).map((group, place) => [place, group.name, group.size])
    const none = picture.count - picture.group.all.reduce((sum, group) => sum + group.size, 0)
    if (none) entries.push([-1, this.said.none, none])
    const items = entries.map(([group, name, size]) => {
      const chosen = button("", "", "", () => {
        picture.only = picture.only === group ? null : group
        this._legend()
        this.later()
      })
      const swatch = make("span", "swatch")
      swatch.style.background = picture.colour(group, colours)
      chosen.append(swatch, `${name} (${size})`)
      chosen.setAttribute("aria-pressed", picture.only === group ? "true" : "false")
      const item = make("li")
      item.append(chosen)
      return item
    })
    const scrolled = this.legend.scrollTop
    this.legend.setAttribute("aria-label", this.said.legend)
    this.legend.replaceChildren(...items)
    this.legend.scrollTop = scrolled
  }

  _resize() {
    const { clientWidth, clientHeight } = this.stage
    if (clientWidth && clientHeight) {
      this.picture.size(clientWidth, clientHeight)
      this.later()
    }
  }

  later() {
    this.due ??= requestAnimationFrame(() => {
      this.due = null
      if (this.picture.width) this.draw()
    })
  }

  draw() {
    const { picture, root } = this
    const began = performance.now()
    picture.draw(theme(root))
    const place = (spot) => spot.map((each) => each.toFixed(1)).join(",")
    root.dataset.milliseconds = (performance.now() - began).toFixed(1)
    root.dataset.points = picture.count
    root.dataset.rings = picture.marks.hits.map(([i]) => place(picture.spot(picture.x[i], picture.y[i]))).join(" ")
    root.dataset.cross = picture.marks.question ? place(picture.spot(...picture.marks.question)) : ""
  }

  tell() {
    const { picture, tip } = this
    const i = picture.hovered
    tip.hidden = i < 0 || !picture.texts
    this.root.dataset.hovered = i
    if (tip.hidden) return
    const topic = picture.groups.topic
    const name = topic.of[i] < 0 ? this.said.none : topic.all[topic.of[i]].name
    tip.replaceChildren(
      make("strong", "", picture.texts.titles[picture.document[i]]),
      make("span", "words", picture.texts.openings[i]),
      make("em", "", name),
    )
    const [left, top] = picture.spot(picture.x[i], picture.y[i])
    tip.style.left = `${Math.max(0, Math.min(left + 12, picture.width - tip.offsetWidth))}px`
    tip.style.top = `${top + 12 + tip.offsetHeight > picture.height ? Math.max(0, top - 12 - tip.offsetHeight) : top + 12}px`
  }

  hover(i) {
    if (i === this.picture.hovered) return
    this.picture.hovered = i
    this.canvas.style.cursor = i < 0 ? "grab" : "pointer"
    this.tell()
    this.later()
  }

  _listen() {
    const { canvas, pointers, picture } = this
    const place = (event) => {
      const box = canvas.getBoundingClientRect()
      return [event.clientX - box.left, event.clientY - box.top]
    }
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId)
      pointers.set(event.pointerId, place(event))
      this.moved = pointers.size > 1 ? Infinity : 0
    }
    canvas.onpointermove = (event) => {
      const here = place(event)
      picture.aimed = false
      const before = pointers.get(event.pointerId)
      if (!before) return this.hover(picture.nearest(...here, 10))
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1]
      pointers.set(event.pointerId, here)
      if (other) {
        const apart = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]))
        picture.zoom(apart(here) / apart(before), other)
      } else {
        this.moved += Math.hypot(here[0] - before[0], here[1] - before[1])
        picture.pan(here[0] - before[0], here[1] - before[1])
      }
      this.tell()
      this.later()
    }
    canvas.onpointerup = (event) => {
      const clicked = pointers.delete(event.pointerId) && this.moved < 5
      if (!clicked) return
      const i = picture.nearest(...place(event), event.pointerType === "mouse" ? 10 : 20)
      this.hover(i)
      if (i >= 0) this.open(i)
    }
    canvas.onpointercancel = (event) => pointers.delete(event.pointerId)
    canvas.onpointerleave = () => pointers.size || this.hover(-1)
    canvas.onwheel = (event) => {
      // a page that is scrolled past the map must not be caught by it
      if (!event.ctrlKey && this.root.getRootNode().activeElement !== canvas) return
      event.preventDefault()
      picture.zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), place(event))
      this.tell()
      this.later()
    }
    canvas.onkeydown = (event) => this._key(event)
    canvas.onblur = () => {
      picture.aimed = false
      this.later()
    }
  }

  _key(event) {
    const { picture } = this
    const step = 40
    const keys = {
      ArrowLeft: () => picture.pan(step, 0),
      ArrowRight: () => picture.pan(-step, 0),
      ArrowUp: () => picture.pan(0, step),
      ArrowDown: () => picture.pan(0, -step),
      "+": () => picture.zoom(1.5),
      "=": () => picture.zoom(1.5),
      "-": () => picture.zoom(1 / 1.5),
      0: () => picture.fit(),
      Enter: () => picture.hovered >= 0 && this.open(picture.hovered),
    }
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    keys[event.key]()
    if (event.key !== "Enter") {
      picture.aimed = true
      this.hover(picture.nearest(picture.width / 2, picture.height / 2, 60))
    }
    this.tell()
    this.later()
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".map")
  if (root.view?.state !== data.state) {
    root.view = new View(root, data)
    root.view.state = data.state
    root.view.show(data, (i) => setTriggerValue("opened", i))
    root.view.read(data.texts)
  } else root.view.show(data, (i) => setTriggerValue("opened", i))
}
