package trengotest

// createQuickReply answers without attachments and does not know the type SMS any
// more.
func (s *Server) createQuickReply(c *call) answer {
	in := s.input(c)
	in.require(resources["quick_replies"].required...)
	fields := object{"title": in.text("title"), "message": in.text("message"), "type": in.text("type")}
	if in.failed() {
		return in.unprocessable()
	}
	if fields["type"] == channelSMS {
		fields["type"] = "MESSAGING"
	}
	o := s.addResource("quick_replies", fields).with(nil)
	delete(o, "attachments")
	return ok(o)
}

func (s *Server) updateQuickReply(c *call) answer {
	if a := s.updateResource(c); a.status >= 400 {
		return a
	}
	return s.empty()
}
