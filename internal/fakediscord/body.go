package fakediscord

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"regexp"
	"strconv"
)

// A file is one that was uploaded, or one of the CDN.
type file struct {
	name, contentType string
	data              []byte
}

func unmarshal(b []byte, out any) error { return json.Unmarshal(b, out) }

// readBody reads a body: JSON, or multipart with a part
// payload_json and files. A body that is a list is the member "" of the object.
func readBody(contentType string, body []byte) (object, map[int]file, *Error) {
	if len(body) > maxBody {
		return nil, nil, errTooLarge
	}
	if len(body) == 0 {
		return nil, nil, nil
	}
	kind, params, _ := mime.ParseMediaType(contentType)
	switch kind {
	case "multipart/form-data":
		return readMultipart(body, params["boundary"])
	case "application/json":
		o, err := readJSON(body)
		return o, nil, err
	}
	return nil, nil, invalidForm(object{"_errors": []any{object{
		"code": "CONTENT_TYPE_INVALID", "message": `Expected "Content-Type" header to be one of {'application/json', 'multipart/form-data', 'application/x-www-form-urlencoded'}.`,
	}}})
}

func readJSON(body []byte) (object, *Error) {
	v, err := decode(body)
	if err != nil {
		return nil, errInvalidJSON
	}
	switch v := v.(type) {
	case object:
		return v, nil
	case []any:
		return object{"": v}, nil
	case nil:
		return nil, nil
	}
	return nil, invalidForm(fieldError("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"))
}

var filePart = regexp.MustCompile(`^files?\[?(\d*)\]?$`)

// maxFile is the largest file of a bot.
const maxFile = 10 << 20

// readMultipart reads payload_json and the files by their numbers. Parts without
// a file name that are not payload_json are fields.
func readMultipart(body []byte, boundary string) (object, map[int]file, *Error) {
	o, files := make(object), make(map[int]file)
	m := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := m.NextPart()
		if err == io.EOF {
			return o, files, nil
		}
		if err != nil {
			return nil, nil, badRequest(0, "400: Bad Request")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, badRequest(0, "400: Bad Request")
		}
		name := part.FormName()
		number := filePart.FindStringSubmatch(name)
		switch {
		case name == "payload_json":
			var bad *Error
			if o, bad = readJSON(data); bad != nil {
				return nil, nil, bad
			}
			if o == nil {
				o = make(object)
			}
		case len(data) > maxFile:
			return nil, nil, errTooLarge
		case number != nil && part.FileName() != "":
			n, _ := strconv.Atoi(number[1])
			files[n] = file{part.FileName(), part.Header.Get("Content-Type"), data}
		default:
			o[name] = string(data)
		}
	}
}
