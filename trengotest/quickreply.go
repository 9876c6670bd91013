package trengotest

// createQuickReply responds without attachments and replaces the obsolete type SMS.
func (s *Server) createQuickReply(c *call) response {
	in := s.newInput(c)
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

func (s *Server) updateQuickReply(c *call) response {
	if resp := s.updateResource(c); resp.status >= 400 {
		return resp
	}
	return s.empty()
}
