// A source with the cited words marked: on the picture of a page, or in the text, scrolled to. All text is set as text.
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".source")
  root.replaceChildren()
  root.lang = data.language
  const mark = (element) => {
    element.className = "quote"
    return element
  }
  if (data.page) {
    const frame = document.createElement("div")
    frame.className = "page"
    const picture = document.createElement("img")
    picture.src = `data:image/png;base64,${data.page.png}`
    picture.alt = data.page.told
    frame.append(picture)
    data.page.boxes.forEach(([left, top, width, height]) => {
      const box = mark(document.createElement("span"))
      box.style.left = `${100 * left}%`
      box.style.top = `${100 * top}%`
      box.style.width = `${100 * width}%`
      box.style.height = `${100 * height}%`
      frame.append(box)
    })
    root.append(frame)
  } else {
    const text = document.createElement("pre")
    const quote = mark(document.createElement("mark"))
    quote.textContent = data.text.quote
    text.append(data.text.before, quote, data.text.after)
    root.append(text)
  }
  const first = root.querySelector(".quote")
  requestAnimationFrame(() => first?.scrollIntoView({ block: "center" }))
}
