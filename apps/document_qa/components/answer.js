// An answer: its sentences numbered and coloured by verdict, with buttons for its sources. All text is set as text.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".answer")
  const make = (tag, kind, text) => {
    const element = document.createElement(tag)
    if (kind) element.className = kind
    if (text !== undefined) element.textContent = text
    return element
  }
  root.replaceChildren()
  root.lang = data.language
  const verdict = make("p", `verdict ${data.verdict}`, data.said.verdict)
  root.append(verdict)
  if (data.note) root.append(make("p", "note", data.note))
  if (data.sentences.length === 0) {
    root.append(make("p", "text", data.text))
  } else {
    const list = make("ol", "sentences")
    data.sentences.forEach((sentence) => {
      const item = make("li", sentence.state)
      item.append(make("span", "text", sentence.text))
      item.title = data.said[sentence.state]
      item.append(make("span", "unseen", ` (${data.said[sentence.state]})`))
      sentence.citations.forEach((citation) => {
        const button = make("button", "cite", `${citation.number}`)
        button.type = "button"
        button.dataset.place = citation.place
        button.setAttribute("aria-label", `${data.said.source} ${citation.number}: ${citation.title}`)
        button.title = citation.title
        button.setAttribute("aria-pressed", citation.place === data.open ? "true" : "false")
        button.onclick = () => setTriggerValue("cite", citation.place)
        item.append(" ", button)
      })
      list.append(item)
    })
    root.append(list)
  }
  data.conflicts.forEach((conflict) => root.append(make("p", "note", conflict)))
  const copy = make("button", "copy", data.said.copy)
  copy.type = "button"
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(data.text)
      copy.textContent = data.said.copied
    } catch {
      copy.textContent = data.said.not_copied // the browser does not let a page copy, over plain HTTP for one
    }
  }
  root.append(copy)
}
